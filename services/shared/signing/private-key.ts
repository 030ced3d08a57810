// Private keys that lie in a file, and what they sign.
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type PublicKey, readPublicKey } from '#shared/ssh/public-key.ts';
import { verifySshSignature } from '#shared/ssh/signature.ts';
import { wireMpint, wireString } from '#shared/ssh/strings.ts';
import { DAMAGED, isOpensshKey, readOpensshKey, USE_SSH_AGENT } from './openssh-key.ts';

export interface PrivateKey {
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
}

export type ReadPrivateKey =
  | { readonly kind: 'read'; readonly privateKey: PrivateKey }
  /** `why`: the rest of a sentence that the file's name begins, with the way out. */
  | { readonly kind: 'unusable'; readonly why: string };

/** Curves as node:crypto and SSH name them. */
const CURVES: Readonly<Record<string, string>> = {
  'P-256': 'nistp256',
  'P-384': 'nistp384',
  'P-521': 'nistp521',
};

const HASHES: Readonly<Record<string, string>> = {
  'ssh-rsa': 'sha512',
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};

/** Reads what `ssh-keygen` and `openssl` write: openssh-key-v1, PKCS#1, SEC 1 and PKCS#8 in PEM. Never throws. */
export function readPrivateKey(text: string): ReadPrivateKey {
  const problem = problemWith(text);
  if (problem !== undefined) return { kind: 'unusable', why: problem };
  if (isOpensshKey(text)) {
    const reading = readOpensshKey(text);
    if (reading.kind === 'unusable') return reading;
    const found = fromKeyObject(reading.key);
    const isOther = found.kind === 'read' && !found.privateKey.publicKey.blob.equals(reading.publicBlob);
    return isOther ? DAMAGED : found;
  }
  try {
    return fromKeyObject(createPrivateKey(text));
  } catch {
    return {
      kind: 'unusable',
      why: 'is a private key that cannot be read; make one with ssh-keygen -t ed25519',
    };
  }
}

function problemWith(text: string): string | undefined {
  if (/^(ssh-|ecdsa-|sk-)[\w@.-]+ AAAA/m.test(text)) return 'is a public key; the private one is needed';
  if (text.startsWith('PuTTY-User-Key-File'))
    return 'is a key of PuTTY; puttygen FILE -O private-openssh -o NEW-FILE makes one of it that can be read';
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) return 'is no private key';
  const isEncrypted = /-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text);
  return isEncrypted ? `is encrypted; ${USE_SSH_AGENT}` : undefined;
}

function fromKeyObject(key: KeyObject): ReadPrivateKey {
  const blob = publicBlobOf(key);
  const publicKey = blob === undefined ? undefined : readPublicKey(blob);
  if (publicKey !== undefined) {
    const privateKey = { key, publicKey };
    return isWhole(privateKey) ? { kind: 'read', privateKey } : DAMAGED;
  }
  const why = 'is a private key of a kind that is not taken; ed25519, ecdsa and rsa are';
  return { kind: 'unusable', why };
}

/** Nobody else compares the private half with the public one: node:crypto takes any two. */
function isWhole(privateKey: PrivateKey): boolean {
  const probe = Buffer.from('probe');
  try {
    return verifySshSignature(privateKey.publicKey, probe, signWith(privateKey, probe));
  } catch {
    return false;
  }
}

/** The public key in SSH's wire form; undefined for kinds that SSH does not have. */
function publicBlobOf(key: KeyObject): Buffer | undefined {
  const kind = key.asymmetricKeyType;
  if (kind !== 'ed25519' && kind !== 'ec' && kind !== 'rsa') return undefined;
  const { crv = '', x, y, e, n } = createPublicKey(key).export({ format: 'jwk' });
  switch (kind) {
    case 'ed25519':
      return Buffer.concat([wireString('ssh-ed25519'), wireString(bytes(x))]);
    case 'rsa':
      return Buffer.concat([wireString('ssh-rsa'), wireMpint(bytes(e)), wireMpint(bytes(n))]);
    case 'ec': {
      const curve = CURVES[crv] ?? '';
      const point = Buffer.concat([Buffer.from([0x04]), bytes(x), bytes(y)]);
      return Buffer.concat([wireString(`ecdsa-sha2-${curve}`), wireString(curve), wireString(point)]);
    }
  }
}

/** SSH's signature blob over `message`; RSA signs with SHA-512 (RFC 8332). */
export function signWith({ key, publicKey: { type } }: PrivateKey, message: Buffer): Buffer {
  const raw = sign(HASHES[type], message, { key, dsaEncoding: 'ieee-p1363' });
  if (!type.startsWith('ecdsa-')) {
    const algorithm = type === 'ssh-rsa' ? 'rsa-sha2-512' : type;
    return Buffer.concat([wireString(algorithm), wireString(raw)]);
  }
  const half = raw.length / 2;
  const numbers = Buffer.concat([wireMpint(raw.subarray(0, half)), wireMpint(raw.subarray(half))]);
  return Buffer.concat([wireString(type), wireString(numbers)]);
}

function bytes(base64url = ''): Buffer {
  return Buffer.from(base64url, 'base64url');
}
