// Proofs by SSH keys: whether somebody holds the key, or the certificate, that they show.
import { SIGNATURE_NAMESPACE, signedText } from '#shared/protocol/identity.ts';
import type { PresentedIdentity } from '#shared/protocol/presented-identity.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { judgeCertificate } from '#shared/ssh/certificate-verdict.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { isSupportedKeyType, keyTypeOf, type PublicKey, readPublicKey } from '#shared/ssh/public-key.ts';
import type { RevocationList } from '#shared/ssh/revocation-list.ts';
import { type SignatureDemands, USUAL_DEMANDS, verifySshSignature } from '#shared/ssh/signature.ts';
import { sshsigBytes } from '#shared/ssh/sshsig.ts';
import { CHALLENGE_TTL_MS, type ChallengeSeal, isFreshChallenge } from './challenge.ts';
import type { IdentityVerdict } from './identity.ts';

/** A key or a certificate, with what it has signed. */
export type KeyProof = Extract<PresentedIdentity, { kind: 'key' | 'certificate' }>;

/** What the relay knows of whoever shows a proof; the proof must have been made for just that. */
export interface KeyProofContext {
  /** `audience` of the policy. */
  readonly audience: string;
  readonly role: 'agent' | 'client';
  readonly id: string;
  /** As `hashClaim` gives it; empty for a client. */
  readonly claimHash: string;
  /** The client address. */
  readonly address: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly seal: ChallengeSeal;
  /**
   * `SHA256:…` of all keys and all authorities that rules name: what is not among them is refused before its signature is
   * checked, which costs most. Whether the rule at hand names it is the policy's to say.
   */
  readonly keys: readonly string[];
  readonly authorities: readonly string[];
  readonly revoked?: Pick<RevocationList, 'revocationOf'> | undefined;
}

/**
 * Whether `proof` is good, with two signatures checked at most, and none for a key or an authority that no rule names. Of a
 * certificate that means its form, its time, its options and its authority's signature; whether that authority and its
 * principals count for the ID is the policy's to say. Never throws.
 */
export function checkKeyProof(proof: KeyProof, context: KeyProofContext): IdentityVerdict {
  if (!isFreshChallenge(context.seal, proof.challenge, context.now)) {
    const seconds = CHALLENGE_TTL_MS / 1_000;
    return refused('challenge_stale', `the challenge is not of this relay, or older than ${seconds} s`);
  }
  return proof.kind === 'key' ? checkKey(proof, context) : checkCertificate(proof, context);
}

function checkKey(proof: KeyProof, context: KeyProofContext): IdentityVerdict {
  const { blob } = proof;
  if (!isSupportedKeyType(keyTypeOf(blob) ?? '')) return noKey();
  // Before the key is taken apart: of a stranger's key no more is read than its type.
  const fingerprint = keyFingerprint(blob);
  if (!context.keys.includes(fingerprint))
    return refused('key_unknown', `no rule has the key ${fingerprint}`);
  const key = readPublicKey(blob);
  if (key === undefined) return noKey();
  if (context.revoked?.revocationOf(key) !== undefined)
    return refused('key_unknown', `the key ${fingerprint} is revoked`);
  if (!hasSigned(key, proof, context, USUAL_DEMANDS))
    return refused('key_bad_signature', unsignedText(fingerprint, context));
  return { kind: 'verified', identity: { kind: 'key', blob, fingerprint } };
}

function checkCertificate(proof: KeyProof, context: KeyProofContext): IdentityVerdict {
  const { authorities, address, now, revoked } = context;
  const demands = { authorities, principals: 'any', address, now, revoked } as const;
  const verdict = judgeCertificate(proof.blob, demands);
  if (verdict.kind === 'refused')
    return refused(`certificate_${verdict.fault}`, `the certificate ${verdict.detail}`);
  const { certificate } = verdict;
  if (!hasSigned(certificate.key, proof, context, certificate.signatureDemands))
    return refused('certificate_bad_signature', unsignedText(certificate.fingerprint, context));
  return { kind: 'verified', identity: { kind: 'certificate', certificate } };
}

function hasSigned(
  key: PublicKey,
  { challenge, signature }: KeyProof,
  { audience, role, id, claimHash }: KeyProofContext,
  demands: SignatureDemands,
): boolean {
  const text = signedText({ audience, role, id, claimHash, challenge });
  return verifySshSignature(key, sshsigBytes(text, SIGNATURE_NAMESPACE), signature, demands);
}

/** Names what it should have been made for: whoever dials by another name than the relay's own finds out here. */
function unsignedText(fingerprint: string, { audience, role, id }: KeyProofContext): string {
  return `${fingerprint} did not sign this challenge for ${role} ${id} at ${audience}, the name by which to dial this relay`;
}

function noKey(): IdentityVerdict {
  return refused('identity_malformed', 'what was shown is no SSH key that is taken');
}

function refused(code: RefusalCode, message: string): IdentityVerdict {
  return { kind: 'refused', code, message };
}
