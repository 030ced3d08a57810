// Identity on the wire: what an agent or a client shows to prove who it is, and what a relay asks for.
import { type JsonRecord, recordOf } from '#shared/text/json-record.ts';

/** The request header with the proof of an identity: `KIND VALUE…`, see `PresentedIdentity`. */
export const IDENTITY_HEADER = 'converge-identity';

/**
 * A pass: what a relay gives to whoever it has let in, so that a re-dial needs no second proof. A relay sends it in the
 * `welcome` of an agent and as this header of the 101 of a client; both show it in this header with later dials. Opaque.
 */
export const PASS_HEADER = 'converge-pass';

/** More than this of an identity header is not read, in characters. GitHub's tokens have about 2,000. */
export const MAX_IDENTITY_CHARACTERS = 8_192;

/** The longest pass, in characters. */
export const MAX_PASS_CHARACTERS = 1_024;

/** The kinds of proof, as the header begins with them and as a refusal asks for them. */
export const IDENTITY_KINDS = ['oidc', 'token', 'key', 'certificate', 'sso'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

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

const TEXT = /^[!-~]+$/;
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
  if (kind === undefined || !rest.every((part) => TEXT.test(part))) return undefined;
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

/** True if `text` may be a pass: printable ASCII without spaces. */
export function isPass(text: string): boolean {
  return text.length <= MAX_PASS_CHARACTERS && TEXT.test(text);
}

/** What a key signs: it is worthless for another relay, another ID, another agent, and after the challenge's time. */
export interface SignedFacts {
  /** `http(s)://HOST[:PORT]` of the relay, as the signer was given it. */
  readonly audience: string;
  readonly role: 'agent' | 'client';
  readonly id: string;
  /** The SHA-256 of the agent's claim; empty for a client. */
  readonly claimHash: string;
  /** From the refusal `identity_required`. */
  readonly challenge: string;
}

/** The namespace of such signatures (SSHSIG, OpenSSH's PROTOCOL.sshsig): no other use of SSH keys has it. */
export const SIGNATURE_NAMESPACE = 'converge';

/** The message whose SSHSIG is presented. */
export function signedText({ audience, role, id, claimHash, challenge }: SignedFacts): string {
  return ['converge identity v1', audience, role, id, claimHash, challenge, ''].join('\n');
}

/** The origin that tokens and signatures must be made for: of a `ws(s)` or `http(s)` URL, `http(s)://HOST[:PORT]`. */
export function audienceOf(url: string): string {
  return new URL(url.replace(/^ws/, 'http')).origin;
}

/** What the refusal `identity_required` asks for, in the field `identity` of its body. */
export interface IdentityDemand {
  /** Any of these would do. */
  readonly kinds: readonly IdentityKind[];
  /** To be signed by a key; good for a minute. */
  readonly challenge: string;
}

/** The demand in the body of a refusal; undefined if there is none that can be read. Kinds that are not known are left out. */
export function demandFrom(body: JsonRecord): IdentityDemand | undefined {
  const { kinds, challenge } = recordOf(body['identity']) ?? {};
  if (!Array.isArray(kinds) || typeof challenge !== 'string' || !isPass(challenge)) return undefined;
  return { kinds: IDENTITY_KINDS.filter((kind) => kinds.includes(kind)), challenge };
}
