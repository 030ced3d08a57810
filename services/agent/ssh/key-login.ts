// A login by key or certificate: who shows it, what it allows, and whether its signature is good.
import type { PublicKeyAuthContext } from 'ssh2';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import type { KeyVerdict } from '../access/access-list.ts';
import { verifyCertificateLogin } from './keys/certificate-signature.ts';
import { verifyLogin } from './keys/login-signature.ts';
import { ALL_RIGHTS, type Rights, rightsOf } from './rights.ts';
import type { LoginEvent } from './ssh-options.ts';

/** A key or a certificate that counts. */
type Named = Extract<KeyVerdict, { kind: 'key' | 'certificate' }>;

/** Who has logged in, and by what. */
export type KeyLogin = Pick<LoginEvent, 'user' | 'method' | 'key' | 'certificate'>;

/** Whether the signature in `attempt` is by the key that `named` is about. False without one. Never throws. */
export function isSignedBy(named: Named, { key: { algo }, ...attempt }: PublicKeyAuthContext): boolean {
  const { signature, blob, hashAlgo } = attempt;
  if (signature === undefined || blob === undefined) return false;
  if (named.kind === 'key') return verifyLogin(named.key, { blob, signature, hashAlgorithm: hashAlgo });
  const { key, signatureDemands } = named.certificate;
  return verifyCertificateLogin(key, { algorithm: algo, blob, signature }, signatureDemands);
}

export function keyLoginOf(named: Named, user: string): KeyLogin {
  if (named.kind === 'key') {
    const { key, comment } = named;
    return { user, method: 'key', key: { fingerprint: keyFingerprint(key.blob), comment } };
  }
  const { fingerprint, keyId, serial, caFingerprint, principals } = named.certificate;
  return {
    user,
    method: 'certificate',
    key: { fingerprint, comment: '' },
    certificate: { keyId, serial: String(serial), caFingerprint, principals },
  };
}

export function rightsFrom(named: Named): Rights {
  return named.kind === 'key' ? ALL_RIGHTS : rightsOf(named.certificate);
}
