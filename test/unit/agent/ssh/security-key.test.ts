// Signatures of FIDO keys, made here as PROTOCOL.u2f says an authenticator makes them.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { verifyLogin } from '../../../../services/agent/ssh/keys/login-signature.ts';
import { readPublicKey } from '../../../../services/shared/ssh/public-key.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';

const MESSAGE = Buffer.from('session id and request');
const TOUCHED = 1;

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function mpint(bytes: Buffer): Buffer {
  return wireString((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** What the authenticator signs, and flags and counter as they follow the signature. */
function challenge(flags: number): { signed: Buffer; tail: Buffer } {
  const tail = Buffer.from([flags, 0, 0, 0, 9]);
  return { signed: Buffer.concat([sha256(Buffer.from('ssh:')), tail, sha256(MESSAGE)]), tail };
}

function ed25519(): { blob: Buffer; make(flags: number): Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const x = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const blob = Buffer.concat([wireString('sk-ssh-ed25519@openssh.com'), wireString(x), wireString('ssh:')]);
  return { blob, make: (flags) => seal(privateKey, flags) };
}

function seal(privateKey: KeyObject, flags: number): Buffer {
  const { signed, tail } = challenge(flags);
  return Buffer.concat([sign(null, signed, privateKey), tail]);
}

function ecdsa(): { blob: Buffer; make(flags: number): Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(x ?? '', 'base64url'),
    Buffer.from(y ?? '', 'base64url'),
  ]);
  const type = 'sk-ecdsa-sha2-nistp256@openssh.com';
  const blob = Buffer.concat([
    wireString(type),
    wireString('nistp256'),
    wireString(point),
    wireString('ssh:'),
  ]);
  const make = (flags: number): Buffer => {
    const { signed, tail } = challenge(flags);
    const raw = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return Buffer.concat([mpint(raw.subarray(0, 32)), mpint(raw.subarray(32)), tail]);
  };
  return { blob, make };
}

function verify(blob: Buffer, signature: Buffer, message = MESSAGE): boolean {
  const key = readPublicKey(blob);
  return key !== undefined && verifyLogin(key, { blob: message, signature, hashAlgorithm: undefined });
}

test.each([
  ['sk-ssh-ed25519', ed25519],
  ['sk-ecdsa-sha2-nistp256', ecdsa],
])('%s: a touched key over this message verifies, anything else does not', (_name, make) => {
  for (let round = 0; round < 20; round++) {
    const key = make();
    const signature = key.make(TOUCHED);
    expect(verify(key.blob, signature)).toBe(true);
    expect(verify(key.blob, signature, Buffer.from('another'))).toBe(false);
    expect(verify(key.blob, key.make(0))).toBe(false); // nobody touched it
    expect(verify(make().blob, signature)).toBe(false);
    const counterChanged = Buffer.from(signature);
    counterChanged[signature.length - 1] = 10;
    expect(verify(key.blob, counterChanged)).toBe(false);
  }
});

test('signatures that are cut short are refused without a throw', () => {
  for (const key of [ed25519(), ecdsa()]) {
    const signature = key.make(TOUCHED);
    for (let length = 0; length < signature.length; length++) {
      expect(verify(key.blob, signature.subarray(0, length))).toBe(false);
      expect(verify(key.blob.subarray(0, length), signature)).toBe(false);
    }
  }
});
