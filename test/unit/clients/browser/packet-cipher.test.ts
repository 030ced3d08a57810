// Packets as bytes: sealed and opened against Node's AES-GCM, counted as RFC 5647 says, and cut out of any sequence of chunks.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PacketCipher, TAG_BYTES } from '../../../../services/clients/browser/ssh/transport/packet-cipher.ts';
import {
  decodePlain,
  encodePlain,
  PacketFraming,
} from '../../../../services/clients/browser/ssh/transport/packet-framing.ts';

const KEY = Buffer.alloc(32, 7);
const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 6 });

test.each(['000000010000000000000000', '0a0b0c0dfffffffffffffffe', '0a0b0c0d00000000fffffffe'])(
  'each packet has the next nonce, from %s on, also where the counter wraps or carries',
  async (hex) => {
    const nonce = Buffer.from(hex, 'hex');
    const [sealing, opening] = await Promise.all([
      PacketCipher.create({ key: KEY, nonce }, 'encrypt'),
      PacketCipher.create({ key: KEY, nonce }, 'decrypt'),
    ]);
    let counter = nonce.readBigUInt64BE(4);
    const next = (): Buffer => {
      const used = Buffer.from(nonce);
      used.writeBigUInt64BE(counter, 4);
      counter = BigInt.asUintN(64, counter + 1n);
      return used;
    };
    for (const text of ['one', 'two', 'three', 'four']) {
      const packet = Buffer.from(await sealing.seal(Buffer.from(text)));
      const iv = next();
      const end = packet.length - TAG_BYTES;
      const decipher = createDecipheriv('aes-256-gcm', KEY, iv).setAAD(packet.subarray(0, 4));
      decipher.setAuthTag(packet.subarray(end));
      const body = Buffer.concat([decipher.update(packet.subarray(4, end)), decipher.final()]);
      expect(body.length % 16).toBe(0);
      expect(body[0]).toBeGreaterThanOrEqual(4);
      expect(body.toString('latin1', 1, body.length - (body[0] ?? 0))).toBe(text);
      const cipher = createCipheriv('aes-256-gcm', KEY, iv).setAAD(packet.subarray(0, 4));
      const again = Buffer.concat([
        packet.subarray(0, 4),
        cipher.update(body),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      expect(Buffer.from((await opening.open(again)) ?? []).toString()).toBe(text);
    }
  },
);

test('what was handed in at once comes out in order, whoever is sooner done', async () => {
  const nonce = Buffer.alloc(12);
  const sealing = await PacketCipher.create({ key: KEY, nonce }, 'encrypt');
  const opening = await PacketCipher.create({ key: KEY, nonce }, 'decrypt');
  const sizes = Array.from({ length: 60 }, (_none, at) => (at % 7 === 0 ? 30_000 : 1 + at));
  const packets = await Promise.all(sizes.map((size, at) => sealing.seal(Buffer.alloc(size, at))));
  const opened = await Promise.all(packets.map((packet) => opening.open(packet)));
  expect(opened.map((payload) => [payload?.length, payload?.[0]])).toEqual(
    sizes.map((size, at) => [size, at]),
  );
});

test('a packet that is not the next one is none', async () => {
  const nonce = Buffer.alloc(12);
  const sealing = await PacketCipher.create({ key: KEY, nonce }, 'encrypt');
  const opening = await PacketCipher.create({ key: KEY, nonce }, 'decrypt');
  await sealing.seal(Buffer.from('first'));
  expect(await opening.open(await sealing.seal(Buffer.from('second')))).toBeUndefined();
});

test('packets are found in chunks of any size, and are what was sent', () => {
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 40 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map((payload) => encodePlain(payload)));
      const framing = new PacketFraming();
      const got: Uint8Array[] = [];
      let at = 0;
      for (const count of [...cuts, bytes.length]) {
        framing.push(bytes.subarray(at, at + count));
        at += count;
        for (let packet = framing.next(0, 8); packet !== undefined; packet = framing.next(0, 8)) {
          got.push(Uint8Array.from(decodePlain(packet)));
        }
      }
      expect(got).toEqual(sent.map((payload) => Uint8Array.from(payload)));
      expect(framing.waitingBytes).toBe(0);
    }),
  );
});

test('every plain packet is whole blocks, with four bytes of padding or more', () => {
  for (let size = 1; size < 64; size += 1) {
    const packet = Buffer.from(encodePlain(Buffer.alloc(size)));
    expect([packet.length % 8, packet.readUInt32BE(0)]).toEqual([0, packet.length - 4]);
    expect(packet[4]).toBeGreaterThanOrEqual(4);
    expect(packet.length).toBeGreaterThanOrEqual(16);
  }
});
