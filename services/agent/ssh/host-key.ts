// The host key: made at start, known by its fingerprint, gone with the process.
import ssh2 from 'ssh2';
import { fingerprintOf } from './public-key.ts';

export interface HostKey {
  /** OpenSSH private key format, unencrypted. */
  readonly privateKey: string;
  /** `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

/** A new Ed25519 host key. */
export function generateHostKey(): HostKey {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  const blob = pair.public.split(' ')[1] ?? '';
  return { privateKey: pair.private, fingerprint: fingerprintOf(Buffer.from(blob, 'base64')) };
}
