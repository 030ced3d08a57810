// The pinned host key against real handshakes: recorded between OpenSSH's ssh and ssh2, then cut and damaged.
import { execFile } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { Duplex } from 'node:stream';
import type { KexAlgorithm } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { HostKeyInspector } from '../../../services/clients/host-key/inspector.ts';
import { parseFingerprint } from '../../../services/shared/ssh/fingerprint-text.ts';
import { cleanEnvironment } from '../../support/process/client-program.ts';
import { createPinnedSshHost, VERIFIABLE_KEX } from '../../support/ssh/pinned-ssh-host.ts';

/** What a host sends to `ssh` from the first byte to its refusal of a client without a key. */
async function record(
  kex: KexAlgorithm[],
): Promise<{ readonly bytes: Buffer; readonly fingerprint: string }> {
  const host = createPinnedSshHost(kex);
  const sent: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const recorder = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        sent.push(Buffer.from(chunk));
        socket.write(chunk, () => done());
      },
      final(done) {
        socket.end(done);
      },
    });
    socket.on('data', (chunk) => recorder.push(chunk));
    socket.on('end', () => recorder.push(null));
    host.serve(recorder);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'PreferredAuthentications=none',
    'BatchMode=yes',
  ];
  const args = [
    '-F',
    '/dev/null',
    '-p',
    String(port),
    ...options.flatMap((option) => ['-o', option]),
    'x@127.0.0.1',
  ];
  await new Promise((resolve) => {
    execFile('ssh', args, { env: cleanEnvironment() }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
  expect(host.attempts()).toBeGreaterThan(0);
  return { bytes: Buffer.concat(sent), fingerprint: host.fingerprint };
}

function inspectorOf(fingerprint: string): HostKeyInspector {
  const pinned = parseFingerprint(fingerprint);
  if (pinned === undefined) throw new Error(fingerprint);
  return new HostKeyInspector(pinned);
}

describe('a recorded handshake', () => {
  test.each(VERIFIABLE_KEX)(
    'of %s passes with its own key and with no other, wherever it is cut',
    async (kex) => {
      const { bytes, fingerprint } = await record([kex]);
      for (let at = 0; at <= bytes.length; at++) {
        const inspector = inspectorOf(fingerprint);
        const passed = [bytes.subarray(0, at), bytes.subarray(at)].map((part) =>
          Buffer.from(inspector.inspect(part)),
        );
        expect(inspector.verdict).toEqual({ kind: 'match' });
        expect(Buffer.concat(passed).equals(bytes)).toBe(true);
      }
      const other = inspectorOf(createPinnedSshHost().fingerprint);
      const passed = other.inspect(bytes);
      expect(other.verdict.kind).toBe('mismatch');
      // The identification and the offer, but not the reply, which holds the key.
      expect(passed.includes('curve25519') || passed.includes(kex)).toBe(true);
      expect(passed.includes('ssh-ed25519\0\0\0\x20')).toBe(false);
    },
  );

  test('never passes the key with a changed byte', async () => {
    const { bytes, fingerprint } = await record(['curve25519-sha256']);
    const start = bytes.indexOf('\0\0\0\x0bssh-ed25519\0\0\0\x20');
    for (let at = start - 4; at < start + 51; at++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 0x41, at);
      const inspector = inspectorOf(fingerprint);
      expect(inspector.inspect(damaged).length).toBeLessThan(start);
      expect(['mismatch', 'unverifiable']).toContain(inspector.verdict.kind);
    }
  });

  test('is refused when the host offers a group exchange, even among others', async () => {
    const { bytes, fingerprint } = await record([
      'curve25519-sha256',
      'diffie-hellman-group-exchange-sha256',
    ]);
    const inspector = inspectorOf(fingerprint);
    expect(inspector.inspect(bytes).toString('latin1')).toMatch(/^SSH-2\.0-[^\n]*\n$/);
    expect(inspector.verdict).toEqual({
      kind: 'unverifiable',
      detail: expect.stringMatching(/offers the key exchange "diffie-hellman-group-exchange-sha256"/),
    });
  });
});
