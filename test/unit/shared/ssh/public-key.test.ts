// Public keys and signatures in forms that no honest program writes.
import { createECDH, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  keyTypeOf,
  MAX_RSA_BITS,
  MIN_RSA_BITS,
  readPublicKey,
} from '../../../../services/shared/ssh/public-key.ts';
import { verifySshSignature } from '../../../../services/shared/ssh/signature.ts';
import { WireReader, wireMpint, wireString } from '../../../../services/shared/ssh/strings.ts';
import { makeTestKey, TEST_KEY_TYPES, type TestKey } from '../../../support/ssh/test-key.ts';

const MESSAGE = Buffer.from('message');

function isRead(type: string, ...fields: readonly Buffer[]): boolean {
  return readPublicKey(Buffer.concat([wireString(type), ...fields])) !== undefined;
}

function verify(key: TestKey, signature: Buffer, message = MESSAGE): boolean {
  const publicKey = readPublicKey(key.blob);
  return publicKey !== undefined && verifySshSignature(publicKey, message, signature);
}

/** A number of just so many bits. */
function numberOf(bits: number): Buffer {
  const bytes = randomBytes(Math.ceil(bits / 8));
  const top = (bits - 1) % 8;
  bytes[0] = ((bytes[0] ?? 0) & ((1 << top) - 1)) | (1 << top);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
  return bytes;
}

test.each(TEST_KEY_TYPES)('%s is read whole, and no shorter or longer', (type) => {
  const { blob } = makeTestKey(type);
  expect(readPublicKey(blob)).toMatchObject({ type, blob });
  for (let length = 0; length < blob.length; length++) {
    expect(readPublicKey(blob.subarray(0, length)), `${length} bytes`).toBeUndefined();
  }
  expect(readPublicKey(Buffer.concat([blob, Buffer.from([0])]))).toBeUndefined();
});

test.each(TEST_KEY_TYPES)('%s: no bit of a signature, a key or a message can be another', (type) => {
  const key = makeTestKey(type);
  const signature = key.sign(MESSAGE);
  expect(verify(key, signature)).toBe(true);
  expect(verify(key, signature, Buffer.from('massage'))).toBe(false);
  expect(verify(makeTestKey(type), signature)).toBe(false);
  const step = type === 'ssh-rsa' ? 7 : 1;
  for (let index = 0; index < signature.length; index += step) {
    const changed = Buffer.from(signature);
    changed[index] = (changed[index] ?? 0) ^ 0x01;
    expect(verify(key, changed), `byte ${index}`).toBe(false);
    expect(verify(key, signature.subarray(0, index)), `${index} bytes`).toBe(false);
  }
  expect(verify(key, Buffer.concat([signature, Buffer.from([0])]))).toBe(false);
});

test('types that do not count, and names that are none', () => {
  const point = wireString(randomBytes(32));
  for (const type of ['ssh-dss', 'ssh-ed448', 'ssh-ed25519 ', 'SSH-ED25519', '', 'x'.repeat(65)]) {
    expect(isRead(type, point), type).toBe(false);
  }
  expect(keyTypeOf(wireString('x'.repeat(64)))).toBe('x'.repeat(64));
  expect(keyTypeOf(wireString('x'.repeat(65)))).toBeUndefined();
  expect(keyTypeOf(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]))).toBeUndefined();
});

test('an ed25519 key has 32 bytes', () => {
  for (const length of [0, 31, 33, 64]) {
    expect(isRead('ssh-ed25519', wireString(randomBytes(length))), `${length}`).toBe(false);
  }
});

test('a point is on its own curve, and written out in full', () => {
  const type = 'ecdsa-sha2-nistp256';
  const curve = createECDH('prime256v1');
  const point = curve.generateKeys();
  const name = wireString('nistp256');
  expect(isRead(type, name, wireString(point))).toBe(true);
  const off = Buffer.from(point);
  off[64] = (off[64] ?? 0) ^ 1;
  expect(isRead(type, name, wireString(off))).toBe(false);
  expect(isRead(type, name, wireString(curve.getPublicKey(null, 'compressed')))).toBe(false);
  expect(isRead(type, name, wireString(curve.getPublicKey(null, 'hybrid')))).toBe(false);
  expect(isRead(type, name, wireString(Buffer.from([0])))).toBe(false);
  expect(isRead(type, name, wireString(Buffer.alloc(65, 4)))).toBe(false);
  expect(isRead(type, wireString('nistp384'), wireString(point))).toBe(false);
  expect(isRead('ecdsa-sha2-nistp384', name, wireString(point))).toBe(false);
  expect(isRead('ecdsa-sha2-nistp384', wireString('nistp384'), wireString(point))).toBe(false);
});

test('an RSA key is neither so short that it can be broken nor so long that it costs', () => {
  const usual = wireMpint(Buffer.from([1, 0, 1]));
  const bits = [MIN_RSA_BITS - 1, MIN_RSA_BITS, MIN_RSA_BITS + 1, MAX_RSA_BITS, MAX_RSA_BITS + 1];
  expect(bits.map((count) => isRead('ssh-rsa', usual, wireMpint(numberOf(count))))).toEqual([
    false,
    true,
    true,
    true,
    false,
  ]);
  const modulus = wireMpint(numberOf(2_048));
  const exponents = [Buffer.from([3]), Buffer.alloc(4, 0xff), Buffer.alloc(5, 0xff), Buffer.alloc(0)];
  expect(exponents.map((exponent) => isRead('ssh-rsa', wireMpint(exponent), modulus))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test('a number is written in one way only, or one key would have many fingerprints', () => {
  const { fields } = makeTestKey('ssh-rsa');
  const reader = new WireReader(fields);
  const [exponent, modulus] = [reader.string(), reader.string()] as [Buffer, Buffer];
  expect(isRead('ssh-rsa', wireString(exponent), wireString(modulus))).toBe(true);
  const zero = Buffer.from([0]);
  expect(isRead('ssh-rsa', wireString(Buffer.concat([zero, exponent])), wireString(modulus))).toBe(false);
  expect(isRead('ssh-rsa', wireString(exponent), wireString(Buffer.concat([zero, modulus])))).toBe(false);
  // Without its zero it would be negative.
  expect(isRead('ssh-rsa', wireString(exponent), wireString(modulus.subarray(1)))).toBe(false);
});

test('a signature by one algorithm is none by another', () => {
  const rsa = makeTestKey('ssh-rsa');
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512']) {
    const signature = rsa.sign(MESSAGE, { algorithm });
    expect(verify(rsa, signature)).toBe(true);
    const reader = new WireReader(signature);
    reader.string();
    const raw = reader.string() ?? Buffer.alloc(0);
    for (const other of [
      'ssh-rsa',
      'rsa-sha2-256',
      'rsa-sha2-512',
      'rsa-sha2-512-cert-v01@openssh.com',
      '',
    ]) {
      if (other === algorithm) continue;
      expect(verify(rsa, Buffer.concat([wireString(other), wireString(raw)])), other).toBe(false);
    }
  }
  expect(verify(rsa, rsa.sign(MESSAGE, { algorithm: 'ssh-rsa' }))).toBe(false);
});

test('a FIDO key shows a touch, and where it is asked for, that it knew its owner', () => {
  for (const type of ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const) {
    const key = makeTestKey(type);
    const publicKey = readPublicKey(key.blob);
    if (publicKey === undefined) throw new Error('no key');
    const good = (flags: number, touched: boolean, verified: boolean): boolean =>
      verifySshSignature(publicKey, MESSAGE, key.sign(MESSAGE, { flags }), { touched, verified });
    expect([0, 1, 4, 5].map((flags) => good(flags, true, false))).toEqual([false, true, false, true]);
    expect([0, 1, 4, 5].map((flags) => good(flags, false, false))).toEqual([true, true, true, true]);
    expect([0, 1, 4, 5].map((flags) => good(flags, true, true))).toEqual([false, false, false, true]);
    // The flags are signed too.
    const forged = key.sign(MESSAGE, { flags: 0 });
    forged[forged.length - 5] = 5;
    expect(verifySshSignature(publicKey, MESSAGE, forged)).toBe(false);
  }
  const plain = makeTestKey('ssh-ed25519');
  const publicKey = readPublicKey(plain.blob);
  if (publicKey === undefined) throw new Error('no key');
  const demands = { touched: true, verified: true };
  expect(verifySshSignature(publicKey, MESSAGE, plain.sign(MESSAGE), demands)).toBe(false);
});

test('numbers of a signature may have zeros before them, and may lack those of RSA', () => {
  const key = makeTestKey('ecdsa-sha2-nistp256');
  const reader = new WireReader(key.sign(MESSAGE));
  reader.string();
  const numbers = new WireReader(reader.string() ?? Buffer.alloc(0));
  const [r, s] = [numbers.string(), numbers.string()] as [Buffer, Buffer];
  const signatureOf = (...parts: readonly Buffer[]): Buffer =>
    Buffer.concat([wireString(key.type), wireString(Buffer.concat(parts.map((part) => wireString(part))))]);
  const zeros = Buffer.alloc(3);
  expect(verify(key, signatureOf(r, s))).toBe(true);
  expect(verify(key, signatureOf(Buffer.concat([zeros, r]), s))).toBe(true);
  expect(verify(key, signatureOf(r, s, s))).toBe(false);
  expect(verify(key, signatureOf(s, r))).toBe(false);
  expect(verify(key, signatureOf(r, Buffer.alloc(0)))).toBe(false);
  expect(verify(key, signatureOf(r, zeros))).toBe(false);
  expect(verify(key, signatureOf(r, Buffer.alloc(40, 1)))).toBe(false);
  const rsa = makeTestKey('ssh-rsa', 1_024);
  // One in 256 begins with a zero.
  for (let count = 0, found = false; !found && count < 5_000; count++) {
    const message = Buffer.from(`message ${count}`);
    const fields = new WireReader(rsa.sign(message));
    const [algorithm, raw] = [fields.string(), fields.string()] as [Buffer, Buffer];
    found = raw[0] === 0;
    const short = Buffer.concat([wireString(algorithm), wireString(raw.subarray(1))]);
    expect(verify(rsa, short, message)).toBe(found);
  }
});
