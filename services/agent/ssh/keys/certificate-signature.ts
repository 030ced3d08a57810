// The signature of a login by certificate, in the form in which ssh2 hands it over.
import { plainNameOf } from '#shared/ssh/certificate.ts';
import type { PublicKey } from '#shared/ssh/public-key.ts';
import { type SignatureDemands, signatureAlgorithmOf, verifySshSignature } from '#shared/ssh/signature.ts';

export interface CertificateSignature {
  /** The name in the request, `rsa-sha2-512-cert-v01@openssh.com` for one. */
  readonly algorithm: string;
  /** What was signed. */
  readonly blob: Buffer;
  /** As it came: ssh2 takes signatures apart only where it knows the algorithm. */
  readonly signature: Buffer;
}

/** Whether the signature was made by the private half of `key`, by the algorithm of the request. Never throws. */
export function verifyCertificateLogin(
  key: PublicKey,
  { algorithm, blob, signature }: CertificateSignature,
  demands: SignatureDemands,
): boolean {
  const announced = plainNameOf(algorithm);
  // asyncssh and OpenSSH before 7.8 call every RSA certificate by this name, and sign with SHA-2 all the same.
  const isAnnounced = announced === 'ssh-rsa' || signatureAlgorithmOf(signature) === announced;
  return isAnnounced && verifySshSignature(key, blob, signature, demands);
}
