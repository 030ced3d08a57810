// A proof of identity as it is presented: the header of a handshake, written and read.
import { HEADER_WORD, IDENTITY_KINDS, MAX_IDENTITY_CHARACTERS } from './identity.ts';

/** A proof as it was presented; nothing in it has been verified. */
export type PresentedIdentity =
  /** A JWT of a CI system. */
  | { readonly kind: 'oidc'; readonly token: string }
  /** A secret whose hash a rule names. */
  | { readonly kind: 'token'; readonly token: string }
  /** A session of single sign-on, sealed by the relays of this cluster. */
  | { readonly kind: 'sso'; readonly token: string }
  /** An SSH key, or an SSH certificate of it, that has signed `signedText` of the challenge (SSHSIG, see the protocol). */
  | {
      readonly kind: 'key' | 'certificate';
      readonly challenge: string;
      /** The public key or the certificate in SSH's wire form. */
      readonly blob: Buffer;
      /** SSH's signature blob: its algorithm and the signature. */
      readonly signature: Buffer;
    };

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The header's value. */
export function formatIdentity(identity: PresentedIdentity): string {
  switch (identity.kind) {
    case 'oidc':
    case 'token':
    case 'sso':
      return `${identity.kind} ${identity.token}`;
    case 'key':
    case 'certificate': {
      const { kind, challenge, blob, signature } = identity;
      return `${kind} ${challenge} ${blob.toString('base64')} ${signature.toString('base64')}`;
    }
  }
}

/** Reads the header; undefined if it is none of the kinds in the right form. Never throws. */
export function parseIdentity(header: string): PresentedIdentity | undefined {
  if (header.length > MAX_IDENTITY_CHARACTERS) return undefined;
  const [word, ...rest] = header.split(' ');
  const kind = IDENTITY_KINDS.find((known) => known === word);
  if (kind === undefined || !rest.every((part) => HEADER_WORD.test(part))) return undefined;
  if (kind !== 'key' && kind !== 'certificate') {
    const [token, ...more] = rest;
    return token === undefined || more.length > 0 ? undefined : { kind, token };
  }
  const [challenge, blob, signature, ...more] = rest;
  if (challenge === undefined || blob === undefined || signature === undefined || more.length > 0)
    return undefined;
  if (!BASE64.test(blob) || !BASE64.test(signature)) return undefined;
  return {
    kind,
    challenge,
    blob: Buffer.from(blob, 'base64'),
    signature: Buffer.from(signature, 'base64'),
  };
}
