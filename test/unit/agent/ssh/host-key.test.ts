// The host key's format, read back by ssh2 and by OpenSSH.
import { spawnSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { generateHostKey, type HostKey, hostKeyFrom } from '../../../../services/agent/ssh/keys/host-key.ts';

/** A key whose public point begins with a zero byte, which ssh2's own generator gets wrong. */
function keyWithLeadingZero(): HostKey {
  for (;;) {
    const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    if (Buffer.from(jwk.x ?? '', 'base64url')[0] === 0) return hostKeyFrom(jwk);
  }
}

test.each([
  ['any key', generateHostKey],
  ['a key with a leading zero', keyWithLeadingZero],
])('%s is read by ssh2 and by ssh-keygen, with the same fingerprint', (_name, make) => {
  const key = make();
  const parsed = ssh2.utils.parseKey(key.privateKey);
  if (parsed instanceof Error) throw parsed;
  expect(`ssh-ed25519 ${parsed.getPublicSSH().toString('base64')}`).toBe(key.publicKey);
  const folder = mkdtempSync(path.join(tmpdir(), 'converge-test-'));
  const file = path.join(folder, 'key');
  writeFileSync(file, key.privateKey, { mode: 0o600 });
  const listed = spawnSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' });
  const derived = spawnSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect(listed.stdout).toContain(` ${key.fingerprint} `);
  expect(derived.stdout.trim()).toBe(key.publicKey);
});

test('the private half belongs to the public one', () => {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const parsed = ssh2.utils.parseKey(hostKeyFrom(jwk).privateKey);
  if (parsed instanceof Error) throw parsed;
  const ours = createPrivateKey(parsed.getPrivatePEM()).export({ format: 'jwk' });
  expect(ours).toEqual(jwk);
});
