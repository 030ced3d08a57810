// The signature of a login, in the form in which ssh2 hands it over.
import { isSecurityKeyType, type PublicKey } from '#shared/ssh/public-key.ts';
import { verifySshSignature } from '#shared/ssh/signature.ts';
import { wireString } from '#shared/ssh/strings.ts';

/** A signature by a plain key over `blob`. With a certificate, ssh2 leaves the signature as it came: `verifySshSignature`. */
export interface LoginSignature {
  readonly blob: Buffer;
  /** What follows the algorithm's name and the length: for ECDSA in DER, for a FIDO key with its flags and counter. */
  readonly signature: Buffer;
  /** `sha256` or `sha512` for rsa-sha2-*; undefined for types with a fixed hash, and for RSA with SHA-1. */
  readonly hashAlgorithm: string | undefined;
}

/** Flags (u8) and counter (u32) of a FIDO key. */
const STATE_BYTES = 5;

/** Whether `signature` was made by the private half of `key`. Never throws. */
export function verifyLogin(key: PublicKey, { blob, signature, hashAlgorithm }: LoginSignature): boolean {
  const wire = wireForm(key, signature, hashAlgorithm);
  return wire !== undefined && verifySshSignature(key, blob, wire);
}

function wireForm(
  { type }: PublicKey,
  signature: Buffer,
  hashAlgorithm: string | undefined,
): Buffer | undefined {
  if (type === 'ssh-rsa') {
    // Without a hash it is SHA-1, which is no algorithm any more.
    const algorithm = hashAlgorithm === undefined ? type : `rsa-sha2-${hashAlgorithm.replace('sha', '')}`;
    return Buffer.concat([wireString(algorithm), wireString(signature)]);
  }
  if (isSecurityKeyType(type)) {
    const split = signature.length - STATE_BYTES;
    if (split < 0) return undefined;
    const raw = signature.subarray(0, split);
    return Buffer.concat([wireString(type), wireString(raw), signature.subarray(split)]);
  }
  const raw = type === 'ssh-ed25519' ? signature : mpintsFrom(signature);
  return raw === undefined ? undefined : Buffer.concat([wireString(type), wireString(raw)]);
}

/** The two numbers of a signature in DER (RFC 3279 section 2.2.3), whose bytes are those of mpints. */
function mpintsFrom(der: Buffer): Buffer | undefined {
  const [tag, length = 0] = der;
  // Two numbers of 521 bits are longer than the 127 bytes that one byte of length can say.
  let rest = der.subarray(length === 0x81 ? 3 : 2);
  if (tag !== 0x30) return undefined;
  const numbers: Buffer[] = [];
  for (let count = 0; count < 2; count++) {
    const [numberTag, bytes = 0] = rest;
    const number = rest.subarray(2, 2 + bytes);
    if (numberTag !== 0x02 || number.length !== bytes) return undefined;
    numbers.push(wireString(number));
    rest = rest.subarray(2 + bytes);
  }
  return rest.length === 0 ? Buffer.concat(numbers) : undefined;
}
