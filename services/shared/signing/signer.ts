// Signers: SSH keys and certificates that can prove to a relay who somebody is, wherever the private key lies.
import {
  type IdentityKind,
  MAX_IDENTITY_CHARACTERS,
  SIGNATURE_NAMESPACE,
  type SignedFacts,
  signedText,
} from '#shared/protocol/identity.ts';
import { formatIdentity, type PresentedIdentity } from '#shared/protocol/presented-identity.ts';
import type { Certificate } from '#shared/ssh/certificate.ts';
import { sshsigBytes } from '#shared/ssh/sshsig.ts';

/** What became of the wish for a proof. */
export type SignedProof =
  | { readonly kind: 'signed'; readonly identity: PresentedIdentity }
  /** A sentence for a person, with the way out. */
  | { readonly kind: 'unsigned'; readonly message: string };

/** A key, or a certificate of it. A key with a certificate is two of them: which one is wanted the relay says. */
export interface KeySigner {
  readonly kind: 'key' | 'certificate';
  /** `SHA256:…` of the key. */
  readonly fingerprint: string;
  /** For people: the file, or the comment that the ssh-agent has. */
  readonly name: string;
  /** A FIDO key, which somebody may have to touch before it signs: tell them. */
  readonly isSecurityKey: boolean;
  /** Of a `certificate`. */
  readonly certificate: Certificate | undefined;
  /** Signs for this relay, ID and challenge, and nothing else. May wait for somebody to touch a FIDO key. Never rejects. */
  sign(facts: SignedFacts): Promise<SignedProof>;
}

export type FoundSigners =
  /** One or more. */
  | { readonly kind: 'found'; readonly signers: readonly KeySigner[] }
  /** A sentence for a person, with the way out. */
  | { readonly kind: 'unusable'; readonly message: string };

/**
 * Those of `signers` that could be what a relay asks for, the likeliest first: certificates that are good at `now`
 * (milliseconds since the Unix epoch), then keys.
 */
export function signersFor(
  signers: readonly KeySigner[],
  kinds: readonly IdentityKind[],
  now: number,
): readonly KeySigner[] {
  const wanted = signers.filter(({ kind }) => kinds.includes(kind));
  const certificates = wanted.filter(({ certificate }) => isInTime(certificate, now));
  return [...certificates, ...wanted.filter(({ kind }) => kind === 'key')];
}

function isInTime(certificate: Certificate | undefined, now: number): boolean {
  if (certificate === undefined) return false;
  const seconds = BigInt(Math.floor(now / 1_000));
  return seconds >= certificate.validAfter && seconds < certificate.validBefore;
}

/** What has to be signed for a proof. */
export function bytesToSign(facts: SignedFacts): Buffer {
  return sshsigBytes(signedText(facts), SIGNATURE_NAMESPACE);
}

/** The proof, unless it is longer than relays read. */
export function proofOf(
  kind: 'key' | 'certificate',
  { challenge }: SignedFacts,
  blob: Buffer,
  signature: Buffer,
): SignedProof {
  const identity: PresentedIdentity = { kind, challenge, blob, signature };
  if (formatIdentity(identity).length <= MAX_IDENTITY_CHARACTERS) return { kind: 'signed', identity };
  const message = `the ${kind} of ${blob.length} bytes is longer than relays read; a smaller one, by ed25519 keys, is not`;
  return { kind: 'unsigned', message };
}
