// Key revocation lists (KRL) in OpenSSH's binary form, as `ssh-keygen -k` makes them: PROTOCOL.krl.
import { keyTypeOf, readPublicKey } from './public-key.ts';
import type { RevokedCertificates, RevokedThings } from './revocation-list.ts';
import { bitLengthOf, type SerialBitmap, type SerialRange } from './serial-set.ts';
import { AUTHORITY_DEMANDS, verifySshSignature } from './signature.ts';
import { WireReader } from './strings.ts';

const MAGIC = Buffer.from('SSHKRL\n\0', 'latin1');
const FORMAT_VERSION = 1;

const SECTION = { certificates: 1, key: 2, sha1: 3, signature: 4, sha256: 5, extension: 255 } as const;
const PART = {
  serialList: 0x20,
  serialRange: 0x21,
  serialBitmap: 0x22,
  keyId: 0x23,
  extension: 0x39,
} as const;

const LAST_SERIAL = 2n ** 64n - 1n;

/** What a reader below throws, and `readKeyRevocationList` catches: sections lie in sections. */
class KrlFault extends Error {
  readonly code = 'unusable_krl';
}

export type ReadKrl =
  | { readonly kind: 'read'; readonly revoked: RevokedThings }
  | { readonly kind: 'malformed'; readonly detail: string };

/** What is being gathered. */
interface Gathered {
  readonly keys: Buffer[];
  readonly sha1: Buffer[];
  readonly sha256: Buffer[];
  readonly certificates: RevokedCertificates[];
}

/** True if `file` begins as a KRL does. */
export function isKeyRevocationList(file: Buffer): boolean {
  return file.subarray(0, MAGIC.length).equals(MAGIC);
}

/** Reads a whole KRL; what is not known in it is a fault, unless it says itself that it may be ignored. Never throws. */
export function readKeyRevocationList(file: Buffer): ReadKrl {
  try {
    return { kind: 'read', revoked: readSections(file) };
  } catch (error) {
    if (error instanceof KrlFault) return { kind: 'malformed', detail: error.message };
    throw error;
  }
}

function readSections(file: Buffer): RevokedThings {
  const reader = new WireReader(file);
  readHeader(reader);
  const gathered: Gathered = { keys: [], sha1: [], sha256: [], certificates: [] };
  let isSigned = false;
  while (!reader.isAtEnd()) {
    const section = reader.byte();
    if (section === SECTION.signature) {
      checkSignature(file, reader);
      isSigned = true;
      continue;
    }
    if (isSigned) throw new KrlFault('has a section behind its signature');
    readSection(section, new WireReader(present(reader.string())), gathered);
  }
  return gathered;
}

function readHeader(reader: WireReader): void {
  reader.raw(MAGIC.length);
  const version = present(reader.uint32());
  if (version !== FORMAT_VERSION) throw new KrlFault(`is a KRL of version ${version}; 1 is known`);
  present(reader.uint64()); // its number
  present(reader.uint64()); // when it was made
  present(reader.uint64()); // flags; none is defined
  present(reader.string()); // reserved
  present(reader.string()); // comment
}

function readSection(section: number | undefined, reader: WireReader, gathered: Gathered): void {
  switch (section) {
    case SECTION.certificates:
      gathered.certificates.push(readCertificates(reader));
      return;
    case SECTION.key:
      for (const key of strings(reader)) gathered.keys.push(key);
      return;
    case SECTION.sha1:
      for (const digest of digests(reader, 20)) gathered.sha1.push(digest);
      return;
    case SECTION.sha256:
      for (const digest of digests(reader, 32)) gathered.sha256.push(digest);
      return;
    case SECTION.extension:
      readExtension(reader);
      return;
    default:
      throw new KrlFault(`has a section of a kind that is not known (${section})`);
  }
}

/** The signature is over all before it, its key included. Whose key that is, nobody says: it only shows that nothing was lost. */
function checkSignature(file: Buffer, reader: WireReader): void {
  const key = readPublicKey(present(reader.string()));
  const signed = file.subarray(0, file.length - reader.rest().length);
  const signature = present(reader.string());
  if (key === undefined || !verifySshSignature(key, signed, signature, AUTHORITY_DEMANDS))
    throw new KrlFault('has a signature that is not good');
}

function readCertificates(reader: WireReader): RevokedCertificates {
  const authority = present(reader.string());
  present(reader.string()); // reserved
  if (authority.length > 0 && !isKey(authority)) throw new KrlFault('has an authority that is no key');
  const singles: bigint[] = [];
  const ranges: SerialRange[] = [];
  const bitmaps: SerialBitmap[] = [];
  const keyIds: string[] = [];
  while (!reader.isAtEnd()) {
    const part = reader.byte();
    const content = new WireReader(present(reader.string()));
    switch (part) {
      case PART.serialList:
        while (!content.isAtEnd()) singles.push(serialFrom(content));
        break;
      case PART.serialRange:
        ranges.push(rangeFrom(content));
        break;
      case PART.serialBitmap:
        bitmaps.push(bitmapFrom(content));
        break;
      case PART.keyId:
        while (!content.isAtEnd()) keyIds.push(present(content.text()));
        break;
      case PART.extension:
        readExtension(content);
        break;
      default:
        throw new KrlFault(`has a list of certificates of a kind that is not known (${part})`);
    }
    if (!content.isAtEnd()) throw new KrlFault('has more in a list of certificates than belongs there');
  }
  return { authority, serials: { singles, ranges, bitmaps }, keyIds };
}

/** Those of a type that counts no more may have signed certificates all the same. */
function isKey(blob: Buffer): boolean {
  return readPublicKey(blob) !== undefined || keyTypeOf(blob) === 'ssh-dss';
}

/** Zero is what unnumbered certificates have: a list that revokes it would not mean it. */
function serialFrom(reader: WireReader): bigint {
  const serial = present(reader.uint64());
  if (serial === 0n) throw new KrlFault('revokes the serial number 0, which unnumbered certificates have');
  return serial;
}

function rangeFrom(reader: WireReader): SerialRange {
  const first = serialFrom(reader);
  const last = present(reader.uint64());
  if (first > last) throw new KrlFault(`has a range of serial numbers that ends before it begins (${first})`);
  return { first, last };
}

function bitmapFrom(reader: WireReader): SerialBitmap {
  const offset = present(reader.uint64());
  const bits = present(reader.string());
  const length = BigInt(bitLengthOf(bits));
  if (offset + length > LAST_SERIAL + 1n) throw new KrlFault('has serial numbers of more than 64 bits');
  const isZeroSet = offset === 0n && ((bits.at(-1) ?? 0) & 1) === 1;
  if (isZeroSet) throw new KrlFault('revokes the serial number 0, which unnumbered certificates have');
  return { offset, bits };
}

function readExtension(reader: WireReader): void {
  const name = present(reader.text());
  const isCritical = present(reader.byte()) !== 0;
  present(reader.string());
  if (isCritical)
    throw new KrlFault(`has the extension ${JSON.stringify(name.slice(0, 64))}, which is not known here`);
}

function digests(reader: WireReader, bytes: number): Buffer[] {
  const all = strings(reader);
  if (all.some((digest) => digest.length !== bytes))
    throw new KrlFault(`has a fingerprint that has not ${bytes} bytes`);
  return all;
}

function strings(reader: WireReader): Buffer[] {
  const all: Buffer[] = [];
  while (!reader.isAtEnd()) all.push(present(reader.string()));
  return all;
}

/** @throws KrlFault where the file ended before */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new KrlFault('is cut short, or holds what is no text');
  return value;
}
