// Signatures of SSH keys: whether one over a message was made by the private half of a key.
import { createHash, verify } from 'node:crypto';
import type { KeyType, PublicKey } from './public-key.ts';
import { WireReader } from './strings.ts';

/** What a FIDO key says about the moment it signed (OpenSSH's PROTOCOL.u2f). */
const FLAG_TOUCHED = 0x01;
const FLAG_VERIFIED = 0x04;

/** What a signature by a FIDO key must show. Keys that are no FIDO keys can show neither, and only the second is asked of them. */
export interface SignatureDemands {
  /** Somebody touched the key. Asked unless the certificate says `no-touch-required`. */
  readonly touched: boolean;
  /** It knew its owner, by PIN or finger: the critical option `verify-required`. A key that is no FIDO key never does. */
  readonly verified: boolean;
}

/** As sshd asks it of a login: a touch, and no more. */
export const USUAL_DEMANDS: SignatureDemands = { touched: true, verified: false };

/** Of the signature of an authority, which may be a FIDO key that signs by itself: as sshd, no touch. */
export const AUTHORITY_DEMANDS: SignatureDemands = { touched: false, verified: false };

/** A signature in parts. */
interface SignatureParts {
  readonly algorithm: string;
  readonly raw: Buffer;
  /** Of a FIDO key: its flags (u8) and counter (u32). Empty for all others. */
  readonly state: Buffer;
}

/** The hash of each algorithm; null where the algorithm has its own. */
const HASHES: Readonly<Record<string, string | null>> = {
  'ssh-ed25519': null,
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
  'sk-ssh-ed25519@openssh.com': null,
  'sk-ecdsa-sha2-nistp256@openssh.com': 'sha256',
};

/** Bytes of each half of a signature by ECDSA. */
const HALF_BYTES: Readonly<Partial<Record<KeyType, number>>> = {
  'ecdsa-sha2-nistp256': 32,
  'ecdsa-sha2-nistp384': 48,
  'ecdsa-sha2-nistp521': 66,
  'sk-ecdsa-sha2-nistp256@openssh.com': 32,
};

/** The algorithms that keys of `type` sign with. RSA with SHA-1 is none: OpenSSH has refused it since 8.8. */
export function signatureAlgorithmsOf(type: KeyType): readonly string[] {
  return type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
}

/** The algorithm that a signature names; undefined if it is none. */
export function signatureAlgorithmOf(signature: Buffer): string | undefined {
  return partsFrom(signature)?.algorithm;
}

/**
 * Whether `key` signed `message`. `signature` is SSH's blob: the algorithm, the signature itself, and for a FIDO key its
 * flags and counter (RFC 4253 section 6.6, RFC 8332, RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f). Never throws.
 */
export function verifySshSignature(
  key: PublicKey,
  message: Buffer,
  signature: Buffer,
  demands: SignatureDemands = USUAL_DEMANDS,
): boolean {
  const parts = partsFrom(signature);
  if (parts === undefined || !signatureAlgorithmsOf(key.type).includes(parts.algorithm)) return false;
  if (!isMet(demands, key, parts)) return false;
  const signed =
    key.application === undefined
      ? message
      : Buffer.concat([sha256(key.application), parts.state, sha256(message)]);
  const raw = rawFrom(parts, key);
  if (raw === undefined) return false;
  try {
    return verify(HASHES[parts.algorithm], signed, { key: key.key, dsaEncoding: 'ieee-p1363' }, raw);
  } catch {
    return false;
  }
}

function partsFrom(signature: Buffer): SignatureParts | undefined {
  const reader = new WireReader(signature);
  const algorithm = reader.string()?.toString('latin1');
  const raw = reader.string();
  if (algorithm === undefined || raw === undefined) return undefined;
  return { algorithm, raw, state: reader.rest() };
}

function isMet({ touched, verified }: SignatureDemands, key: PublicKey, { state }: SignatureParts): boolean {
  if (key.application === undefined) return state.length === 0 && !verified;
  if (state.length !== 5) return false;
  const flags = state[0] ?? 0;
  return (!touched || (flags & FLAG_TOUCHED) !== 0) && (!verified || (flags & FLAG_VERIFIED) !== 0);
}

/** As node:crypto wants it; undefined if it has another length than such signatures have. */
function rawFrom({ raw }: SignatureParts, { type, key }: PublicKey): Buffer | undefined {
  if (type === 'ssh-rsa') return paddedTo(Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8), raw);
  const half = HALF_BYTES[type];
  if (half === undefined) return raw;
  const reader = new WireReader(raw);
  const r = digitsFrom(reader.string());
  const s = digitsFrom(reader.string());
  if (r === undefined || s === undefined || !reader.isAtEnd()) return undefined;
  const halves = [paddedTo(half, r), paddedTo(half, s)];
  return halves.every((part) => part !== undefined) ? Buffer.concat(halves) : undefined;
}

/** Not as strict as with keys: some signers write more zeros than belong there, and sshd takes them. */
function digitsFrom(mpint: Buffer | undefined): Buffer | undefined {
  const [first] = mpint ?? [];
  if (mpint === undefined || first === undefined || first >= 0x80) return undefined;
  return mpint.subarray(
    Math.max(
      0,
      mpint.findIndex((byte) => byte !== 0),
    ),
  );
}

/** Some signers leave out the zeros that RSA and ECDSA begin with now and then. */
function paddedTo(bytes: number, number: Buffer): Buffer | undefined {
  if (number.length > bytes) return undefined;
  return Buffer.concat([Buffer.alloc(bytes - number.length), number]);
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
