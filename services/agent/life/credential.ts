// With what a client has come, as people are told.
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Credential } from '../notices/log-line.ts';
import type { LoginEvent } from '../ssh/ssh-options.ts';

export function credentialFrom({ key, certificate }: Pick<LoginEvent, 'key' | 'certificate'>): Credential {
  if (key === undefined) return { kind: 'password' };
  const { fingerprint, comment } = key;
  if (certificate === undefined) return { kind: 'key', fingerprint, comment: new Untrusted(comment) };
  const { keyId, serial, caFingerprint } = certificate;
  return { kind: 'certificate', fingerprint, keyId: new Untrusted(keyId), serial, caFingerprint };
}
