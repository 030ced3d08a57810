// Security keys (FIDO): sk-ssh-ed25519 and sk-ecdsa signatures, which ssh2 does not know. OpenSSH PROTOCOL.u2f.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { WireReader } from '#shared/ssh/strings.ts';

const SK_ED25519 = 'sk-ssh-ed25519@openssh.com';
const SK_ECDSA = 'sk-ecdsa-sha2-nistp256@openssh.com';
/** The person touched the key; OpenSSH asks for it unless the key says otherwise, so do we. */
const FLAG_USER_PRESENT = 0x01;
const FLAGS_AND_COUNTER_BYTES = 5;

export function isSecurityKeyType(type: string): boolean {
  return type === SK_ED25519 || type === SK_ECDSA;
}

/**
 * Whether a security key signed `message`. `signature` is what follows the algorithm name: the raw signature
 * (for Ed25519 its 64 bytes, for ECDSA the strings r and s), then flags (u8) and counter (u32). Never throws.
 */
export function verifySecurityKey(key: Buffer, message: Buffer, signature: Buffer): boolean {
  const split = signature.length - FLAGS_AND_COUNTER_BYTES;
  if (split < 0) return false;
  const flagsAndCounter = signature.subarray(split);
  if (((flagsAndCounter[0] ?? 0) & FLAG_USER_PRESENT) === 0) return false;
  const reader = new WireReader(key);
  const type = reader.string()?.toString('latin1');
  try {
    if (type === SK_ED25519) {
      const point = reader.string();
      const signed = signedBytes(reader.string(), flagsAndCounter, message);
      if (point?.length !== 32 || signed === undefined) return false;
      const publicKey = jwk({ kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') });
      return verify(null, signed, publicKey, signature.subarray(0, split));
    }
    if (type === SK_ECDSA) {
      reader.string(); // the curve's name
      const point = reader.string();
      const signed = signedBytes(reader.string(), flagsAndCounter, message);
      const raw = rawEcdsa(signature.subarray(0, split));
      if (point?.length !== 65 || point[0] !== 4 || signed === undefined || raw === undefined) return false;
      const x = point.toString('base64url', 1, 33);
      const y = point.toString('base64url', 33, 65);
      const publicKey = jwk({ kty: 'EC', crv: 'P-256', x, y });
      return verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw);
    }
  } catch {
    return false; // a point that is not on the curve
  }
  return false;
}

/** PROTOCOL.u2f: SHA256(application), flags, counter, SHA256(message). */
function signedBytes(
  application: Buffer | undefined,
  flagsAndCounter: Buffer,
  message: Buffer,
): Buffer | undefined {
  if (application === undefined) return undefined;
  return Buffer.concat([sha256(application), flagsAndCounter, sha256(message)]);
}

/** The two mpints of an ECDSA signature as 32 bytes each. */
function rawEcdsa(signature: Buffer): Buffer | undefined {
  const reader = new WireReader(signature);
  const parts = [reader.string(), reader.string()].map((mpint) => {
    const digits = mpint?.[0] === 0 ? mpint.subarray(1) : mpint;
    if (digits === undefined || digits.length > 32) return undefined;
    return Buffer.concat([Buffer.alloc(32 - digits.length), digits]);
  });
  const [r, s] = parts;
  return r === undefined || s === undefined ? undefined : Buffer.concat([r, s]);
}

function jwk(key: Record<string, string>): KeyObject {
  return createPublicKey({ key, format: 'jwk' });
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
