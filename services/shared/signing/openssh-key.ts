// Private keys in OpenSSH's own format, without a passphrase: `openssh-key-v1`, OpenSSH's PROTOCOL.key.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { isSecurityKeyType, unsignedFrom } from '#shared/ssh/public-key.ts';
import { WireReader } from '#shared/ssh/strings.ts';

const MAGIC = Buffer.from('openssh-key-v1\0', 'latin1');
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const ARMOUR = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]*)-----END OPENSSH PRIVATE KEY-----/;

const CURVES: Readonly<Record<string, string>> = {
  nistp256: 'P-256',
  nistp384: 'P-384',
  nistp521: 'P-521',
};

/** The way out for a key that cannot be used without a person. */
export const USE_SSH_AGENT = 'load it with ssh-add, and use the ssh-agent in place of the file';

export type ReadOpensshKey =
  | { readonly kind: 'read'; readonly key: KeyObject; readonly publicBlob: Buffer }
  /** `why`: the rest of a sentence that the file's name begins, with the way out. */
  | { readonly kind: 'unusable'; readonly why: string };

export const DAMAGED = { kind: 'unusable', why: 'is a private key that is damaged' } as const;

/** True if `text` says that it is one. */
export function isOpensshKey(text: string): boolean {
  return text.includes(BEGIN);
}

/** The one key in the file. Never throws. */
export function readOpensshKey(text: string): ReadOpensshKey {
  const reader = new WireReader(Buffer.from(ARMOUR.exec(text)?.[1] ?? '', 'base64'));
  if (reader.raw(MAGIC.length)?.equals(MAGIC) !== true) return DAMAGED;
  const cipher = reader.text();
  reader.string(); // how the passphrase becomes a key
  reader.string();
  const count = reader.uint32();
  const publicBlob = reader.string();
  const secrets = reader.string();
  if (cipher === undefined || publicBlob === undefined || secrets === undefined) return DAMAGED;
  if (cipher !== 'none') return { kind: 'unusable', why: `is encrypted; ${USE_SSH_AGENT}` };
  if (count !== 1) return { kind: 'unusable', why: `holds ${count} keys; one is expected` };
  return readSecrets(new WireReader(secrets), publicBlob);
}

function readSecrets(reader: WireReader, publicBlob: Buffer): ReadOpensshKey {
  const check = reader.uint32();
  if (check === undefined || reader.uint32() !== check) return DAMAGED;
  const type = reader.text() ?? '';
  if (isSecurityKeyType(type)) {
    return {
      kind: 'unusable',
      why: `belongs to a FIDO key, which only an ssh-agent can ask; ${USE_SSH_AGENT}`,
    };
  }
  const jwk = jwkFrom(type, reader);
  if (jwk === undefined) return DAMAGED;
  try {
    return { kind: 'read', key: createPrivateKey({ key: jwk, format: 'jwk' }), publicBlob };
  } catch {
    return DAMAGED;
  }
}

/** The key as a JSON web key (RFC 7518, RFC 8037); undefined if the fields are not those of `type`. */
function jwkFrom(type: string, reader: WireReader): Record<string, string> | undefined {
  if (type === 'ssh-ed25519') {
    const point = reader.string();
    const secret = reader.string(); // the seed, and the point once more
    if (point === undefined || secret?.length !== 64) return undefined;
    return { kty: 'OKP', crv: 'Ed25519', x: text(point), d: text(secret.subarray(0, 32)) };
  }
  if (type.startsWith('ecdsa-sha2-')) {
    const crv = CURVES[reader.text() ?? ''];
    const point = reader.string();
    const secret = unsignedFrom(reader.string());
    if (crv === undefined || point === undefined || secret === undefined) return undefined;
    if (point.length % 2 === 0) return undefined;
    const size = (point.length - 1) / 2;
    const d = Buffer.concat([Buffer.alloc(Math.max(0, size - secret.length)), secret]);
    const x = text(point.subarray(1, 1 + size));
    return { kty: 'EC', crv, x, y: text(point.subarray(1 + size)), d: text(d) };
  }
  return type === 'ssh-rsa' ? rsaJwkFrom(reader) : undefined;
}

function rsaJwkFrom(reader: WireReader): Record<string, string> | undefined {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => unsignedFrom(reader.string()));
  if (n === undefined || e === undefined || d === undefined) return undefined;
  if (qi === undefined || p === undefined || q === undefined) return undefined;
  const dp = remainder(d, p);
  const dq = remainder(d, q);
  if (dp === undefined || dq === undefined) return undefined;
  const numbers = { n, e, d, p, q, dp, dq, qi };
  return {
    kty: 'RSA',
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, text(value)])),
  };
}

/** `d` modulo `prime` - 1, which OpenSSH does not write into its files. */
function remainder(d: Buffer, prime: Buffer): Buffer | undefined {
  const modulus = BigInt(`0x${prime.toString('hex')}`) - 1n;
  if (modulus < 1n) return undefined;
  const digits = (BigInt(`0x${d.toString('hex')}`) % modulus).toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}

function text(bytes: Buffer): string {
  return bytes.toString('base64url');
}
