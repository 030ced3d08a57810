// Packets beyond ssh2's own limit, however they are cut, for every cipher that is offered, with ssh2's addon and without.
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { ALGORITHMS } from '../../../services/agent/ssh/algorithms.ts';
import { liftPacketLimit, MAX_SSH_PACKET_BYTES } from '../../../services/agent/ssh/ssh2/packet-limit.ts';
import { useBuiltSshCiphers } from '../../support/ssh/built-ssh-ciphers.ts';
import { message } from '../../support/ssh/ssh-messages.ts';

useBuiltSshCiphers();
// After that: it loads ssh2.
const { startSshHost } = await import('../../support/ssh/ssh-host.ts');
const { connectRawSsh } = await import('../../support/ssh/raw-ssh.ts');

interface CipherInfo {
  readonly keyLen: number;
  readonly ivLen: number;
  readonly authLen: number;
}

interface Cipher {
  allocPacket(payloadBytes: number): Buffer;
  encrypt(packet: Buffer): void;
}

interface Decipher {
  decrypt(data: Buffer, position: number, end: number): number | false | undefined;
}

interface Crypto {
  readonly CIPHER_INFO: Readonly<Record<string, CipherInfo>>;
  readonly MAC_INFO: Readonly<Record<string, { readonly len: number }>>;
  readonly bindingAvailable: boolean;
  createCipher(config: object): Cipher;
  createDecipher(config: object): Decipher;
}

const crypto = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as Crypto;
const PAYLOAD_START = 5;
/** ssh2's own limit, MAX_PACKET_SIZE. */
const OLD_LIMIT_BYTES = 35_000;
/** Small, just beyond the old limit, small again, and nearly as large as may be. */
const SIZES = [1, 16, OLD_LIMIT_BYTES, 3, MAX_SSH_PACKET_BYTES - 64, 100];

const isGcm = (cipher: string): boolean => (crypto.CIPHER_INFO[cipher]?.authLen ?? 0) > 0;
/** One key size of each kind: longer keys are read in the same way. */
const pairs = ALGORITHMS.cipher
  .filter((cipher) => cipher.startsWith('aes128'))
  .flatMap((cipher) =>
    isGcm(cipher) ? [{ cipher, mac: '' }] : ALGORITHMS.hmac.map((mac) => ({ cipher, mac })),
  );

/** The two ends of one direction with the same keys. */
function makeEnds({ cipher, mac }: { cipher: string; mac: string }, forceNative: boolean) {
  const info = crypto.CIPHER_INFO[cipher];
  if (info === undefined) throw new Error(`no ${cipher}`);
  const macInfo = crypto.MAC_INFO[mac];
  const key = randomBytes(info.keyLen);
  const iv = randomBytes(info.ivLen);
  const macKey = randomBytes(macInfo?.len ?? 0);
  const wire: Buffer[] = [];
  const payloads: Buffer[] = [];
  const outbound = {
    seqno: 0,
    cipherInfo: info,
    cipherKey: Buffer.from(key),
    cipherIV: Buffer.from(iv),
    macInfo,
    macKey,
    forceNative,
    onWrite: (bytes: Uint8Array) => wire.push(Buffer.from(bytes)),
  };
  const inbound = {
    seqno: 0,
    decipherInfo: info,
    decipherKey: key,
    decipherIV: iv,
    macInfo,
    macKey,
    forceNative,
    onPayload: (payload: Uint8Array) => {
      payloads.push(Buffer.from(payload));
    },
  };
  const encrypt = crypto.createCipher({ outbound });
  const decipher = crypto.createDecipher({ inbound });
  const send = (payload: Buffer): void => {
    const packet = encrypt.allocPacket(payload.length);
    packet.set(payload, PAYLOAD_START);
    encrypt.encrypt(packet);
  };
  return { send, wire, decipher, payloads };
}

/** Where to cut a stream: around every beginning and end of a packet, and somewhere. */
function cutsOf(wire: readonly Buffer[], bytes: number): readonly number[] {
  const cuts = [bytes >> 1, OLD_LIMIT_BYTES, OLD_LIMIT_BYTES + 1];
  let position = 0;
  for (const part of wire) {
    for (let near = -17; near <= 17; near += near > -6 && near < 6 ? 1 : 11) cuts.push(position + near);
    position += part.length;
  }
  return cuts.filter((cut) => cut > 0 && cut < bytes);
}

describe.each([false, true])('without the addon: %s', (forceNative) => {
  test('the addon is there', () => {
    expect(crypto.bindingAvailable).toBe(true);
  });

  test.each(pairs)('$cipher $mac, cut anywhere', { timeout: 60_000 }, (pair) => {
    const sent = SIZES.map((size) => randomBytes(size));
    const sample = makeEnds(pair, forceNative);
    for (const payload of sent) sample.send(payload);
    const cuts = cutsOf(sample.wire, Buffer.concat(sample.wire).length);
    // Each in a stream of its own: ciphers decrypt where the bytes lie.
    for (const cut of cuts) {
      const { send, wire, decipher, payloads } = makeEnds(pair, forceNative);
      liftPacketLimit(decipher);
      for (const payload of sent) send(payload);
      const stream = Buffer.concat(wire);
      for (const piece of [
        stream.subarray(0, cut),
        stream.subarray(cut, cut + 1),
        stream.subarray(cut + 1),
      ]) {
        decipher.decrypt(piece, 0, piece.length);
      }
      expect(payloads.every((payload, index) => payload.equals(sent[index] ?? payload))).toBe(true);
      expect(payloads).toHaveLength(sent.length);
    }
  });

  test.each(pairs)('$cipher $mac, byte by byte', (pair) => {
    const { send, wire, decipher, payloads } = makeEnds(pair, forceNative);
    liftPacketLimit(decipher);
    const sent = [randomBytes(OLD_LIMIT_BYTES), randomBytes(7)];
    for (const payload of sent) send(payload);
    const stream = Buffer.concat(wire);
    for (let index = 0; index < stream.length; index++)
      decipher.decrypt(stream.subarray(index, index + 1), 0, 1);
    expect(payloads).toEqual(sent);
  });

  test.each(pairs)('$cipher $mac: more than the limit is refused', (pair) => {
    const { send, wire, decipher, payloads } = makeEnds(pair, forceNative);
    liftPacketLimit(decipher);
    send(randomBytes(MAX_SSH_PACKET_BYTES));
    const stream = Buffer.concat(wire);
    expect(() => decipher.decrypt(stream, 0, stream.length)).toThrow('Bad packet length');
    expect(payloads).toEqual([]);
  });
});

test('a command of 100,000 bytes runs', async () => {
  const host = await startSshHost();
  const outcome = await host.ssh(['abc@127.0.0.1', `: ${'x'.repeat(100_000)}; echo ran`]);
  await host.stop();
  expect(outcome).toEqual({ code: 0, stdout: Buffer.from('ran\n'), stderr: '' });
});

test('before the login the old limit holds', async () => {
  const host = await startSshHost();
  const ssh = await connectRawSsh({
    port: host.port,
    user: 'abc',
    keyFile: host.keyFile,
    until: 'handshake',
  });
  ssh.send(message(2, Buffer.alloc(OLD_LIMIT_BYTES)));
  await ssh.receive(0);
  expect(ssh.isClosed).toBe(true);
  expect(host.logs.find(({ event }) => event === 'connection failed')?.fields['error']).toContain(
    'Bad packet length',
  );
  await host.stop();
});
