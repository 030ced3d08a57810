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

/** Printable ASCII without spaces: a pass, a token, a part of a proof. */
export const HEADER_WORD = /^[!-~]+$/;

/** True if `text` may be a pass: printable ASCII without spaces. */
export function isPass(text: string): boolean {
  return text.length <= MAX_PASS_CHARACTERS && HEADER_WORD.test(text);
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
