// The host key: made at start, known by its fingerprint, gone with the process.
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { wireString } from '#shared/ssh/strings.ts';

const KEY_TYPE = 'ssh-ed25519';
/** The block size that the private part is padded to when it is not encrypted. */
const PADDING_BLOCK_BYTES = 8;

export interface HostKey {
  /** OpenSSH private key format, unencrypted. */
  readonly privateKey: string;
  /** One line, as in a .pub file: type and base64. */
  readonly publicKey: string;
  /** `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** SSH's wire form of the public key. */
  readonly blob: Buffer;
  /** SSH's signature blob over `message` (RFC 8709). */
  sign(message: Buffer): Buffer;
}

/**
 * A new Ed25519 key. Not by ssh2's own generator: of 256 keys it makes about one that is a byte short, because it takes
 * a leading zero for padding (lib/keygen.js, 1.17).
 */
export function generateHostKey(): HostKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  return hostKeyFrom(privateKey.export({ format: 'jwk' }));
}

/** The key whose 32-byte seed is `d` and whose public point is `x`, both base64url (RFC 8037). */
export function hostKeyFrom({ d = '', x = '' }: { d?: string; x?: string }): HostKey {
  const seed = Buffer.from(d, 'base64url');
  const point = Buffer.from(x, 'base64url');
  const blob = Buffer.concat([wireString(KEY_TYPE), wireString(point)]);
  const key = createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
  return {
    blob,
    sign: (message) => Buffer.concat([wireString(KEY_TYPE), wireString(sign(null, message, key))]),
    privateKey: encodePrivateKey(blob, seed, point),
    publicKey: `${KEY_TYPE} ${blob.toString('base64')}`,
    fingerprint: keyFingerprint(blob),
  };
}

/** OpenSSH PROTOCOL.key: `openssh-key-v1`, cipher and kdf `none`, one key. */
function encodePrivateKey(blob: Buffer, seed: Buffer, point: Buffer): string {
  const check = randomBytes(4);
  const secret = wireString(Buffer.concat([seed, point]));
  const unpadded = Buffer.concat([
    check,
    check,
    wireString(KEY_TYPE),
    wireString(point),
    secret,
    wireString(''), // comment
  ]);
  const missing = (PADDING_BLOCK_BYTES - (unpadded.length % PADDING_BLOCK_BYTES)) % PADDING_BLOCK_BYTES;
  const padding = Buffer.from(Array.from({ length: missing }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    wireString('none'), // cipher
    wireString('none'), // kdf
    wireString(''), // kdf options
    Buffer.from([0, 0, 0, 1]), // number of keys
    wireString(blob),
    wireString(Buffer.concat([unpadded, padding])),
  ]);
  const lines = body.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}
