// Certificates of SSH keys in their wire form: OpenSSH's PROTOCOL.certkeys.
import { type CertificateOptions, readCertificateOptions, readOptionNames } from './certificate-options.ts';
import { isSupportedKeyType, keyTypeOf, type PublicKey, readKeyFields, readPublicKey } from './public-key.ts';
import { WireReader } from './strings.ts';

/** In bytes. An ordinary one has below 2 KiB; one that carries a token of a provider may have 10. */
export const MAX_CERTIFICATE_BYTES = 32 * 1_024;

/** As OpenSSH has it. */
export const MAX_CERTIFICATE_PRINCIPALS = 256;

/** What the names of certificate types and of their algorithms have before the `@`. */
const CERTIFICATE_NAME = /^(.+)-cert-v01@openssh\.com$/;

const ROLES: Readonly<Record<number, 'user' | 'host'>> = { 1: 'user', 2: 'host' };

/** A certificate as it was read: nothing of it has been verified, see `judgeCertificate`. */
export interface Certificate {
  /** `ssh-ed25519-cert-v01@openssh.com`, … */
  readonly type: string;
  readonly blob: Buffer;
  /** The key that is certified. */
  readonly key: PublicKey;
  readonly serial: bigint;
  readonly role: 'user' | 'host';
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since the Unix epoch: from the first on, and before the second. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly options: CertificateOptions;
  /** Whose signature it bears. */
  readonly authority: PublicKey;
  /** What the authority has signed, and its signature. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

export type ReadCertificate =
  | { readonly kind: 'read'; readonly certificate: Certificate }
  /** `detail`: what is wrong with it, as the rest of a sentence that it begins. */
  | { readonly kind: 'malformed' | 'wrong_type' | 'unknown_option'; readonly detail: string };

/** True if keys of this type are certificates, and true for the names of their algorithms. */
export function isCertificateType(type: string): boolean {
  return CERTIFICATE_NAME.test(type);
}

/**
 * The type of the key in a certificate of `type`, or the algorithm that an algorithm for certificates stands for:
 * `rsa-sha2-512` of `rsa-sha2-512-cert-v01@openssh.com`. Undefined for other names.
 */
export function plainNameOf(type: string): string | undefined {
  const name = CERTIFICATE_NAME.exec(type)?.[1];
  return name?.startsWith('sk-') === true ? `${name}@openssh.com` : name;
}

/** Reads a certificate; whatever stands behind it is a fault. Never throws. */
export function readCertificate(blob: Buffer): ReadCertificate {
  if (blob.length > MAX_CERTIFICATE_BYTES) {
    return malformed(`has ${blob.length} bytes; ${MAX_CERTIFICATE_BYTES} are read`);
  }
  const type = keyTypeOf(blob) ?? '';
  const plain = plainNameOf(type);
  if (plain === undefined) {
    return malformed(isSupportedKeyType(type) ? 'is a key without a certificate' : 'is no SSH certificate');
  }
  if (!isSupportedKeyType(plain)) {
    return { kind: 'wrong_type', detail: 'certifies a key of a type that is not taken' };
  }
  const reader = new WireReader(blob);
  reader.string();
  reader.string(); // the nonce
  const key = readKeyFields(plain, reader);
  return key === undefined ? malformed(`has no valid ${plain} key`) : readFacts(blob, type, key, reader);
}

function readFacts(blob: Buffer, type: string, key: PublicKey, reader: WireReader): ReadCertificate {
  const serial = reader.uint64();
  const role = ROLES[reader.uint32() ?? 0];
  const keyId = reader.text();
  const principals = readPrincipals(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const critical = reader.string();
  const extensions = reader.string();
  reader.string(); // reserved
  const authorityBlob = reader.string();
  const signed = blob.subarray(0, blob.length - reader.rest().length);
  const signature = reader.string();
  if (signature === undefined) return malformed('is cut short');
  if (!reader.isAtEnd()) return malformed('has bytes behind its signature');
  if (serial === undefined || validAfter === undefined || validBefore === undefined)
    return malformed('is cut short');
  if (role === undefined) return { kind: 'wrong_type', detail: 'is neither for a user nor for a host' };
  if (keyId === undefined) return malformed('has a key ID that is no text');
  if (principals === undefined) return malformed('has principals that cannot be read');
  const authority = readAuthority(authorityBlob);
  if (typeof authority === 'string') return malformed(authority);
  const options = readCertificateOptions(readOptionNames(critical), readOptionNames(extensions));
  if (options.kind !== 'read') return options;
  const certificate: Certificate = {
    type,
    blob,
    key,
    serial,
    role,
    keyId,
    principals,
    validAfter,
    validBefore,
    options: options.options,
    authority,
    signed,
    signature,
  };
  return { kind: 'read', certificate };
}

/** The names in the field; undefined if they are too many or cut short. */
function readPrincipals(field: Buffer | undefined): string[] | undefined {
  if (field === undefined) return undefined;
  const reader = new WireReader(field);
  const principals: string[] = [];
  while (!reader.isAtEnd()) {
    const principal = reader.text();
    if (principal === undefined || principals.length >= MAX_CERTIFICATE_PRINCIPALS) return undefined;
    principals.push(principal);
  }
  return principals;
}

/** The authority's key, or what is wrong with it. */
function readAuthority(blob: Buffer | undefined): PublicKey | string {
  const key = blob === undefined ? undefined : readPublicKey(blob);
  if (key !== undefined) return key;
  const type = blob === undefined ? undefined : keyTypeOf(blob);
  return type !== undefined && isCertificateType(type)
    ? 'is signed by a certificate; only a key may sign one'
    : 'has an authority that is no valid key';
}

function malformed(detail: string): ReadCertificate {
  return { kind: 'malformed', detail };
}
