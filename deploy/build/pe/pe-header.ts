// The PE header: where a program for Windows of 64 bits keeps what is changed here (Microsoft, "PE Format").
import { PeError } from './pe-error.ts';

const DOS_MAGIC = 0x5a4d;
const PE_MAGIC = 0x4550;
const OPTIONAL_MAGIC_64 = 0x20b;
/** Bytes of the signature and the header that every object file has. */
const FILE_HEADER_BYTES = 24;
/** Of the optional header up to its directories, and of these as far as the certificates. */
const DIRECTORIES_AT = 112;
const CERTIFICATE_DIRECTORY_AT = DIRECTORIES_AT + 4 * 8;

/** Offsets in bytes from the beginning of the file. */
export interface PeHeader {
  readonly checksumOffset: number;
  /** Of the directory entry that says where the certificates are: 4 bytes of offset, 4 of size. */
  readonly certificateEntryOffset: number;
  /** Undefined for a program that nobody signed. */
  readonly certificates: { readonly offset: number; readonly size: number } | undefined;
}

/** @throws PeError with a sentence for whatever is no whole program */
export function readPeHeader(file: Buffer): PeHeader {
  if (file.length < 64 || file.readUInt16LE(0) !== DOS_MAGIC)
    throw new PeError('it does not begin as a program for Windows does');
  const start = file.readUInt32LE(60);
  const optional = start + FILE_HEADER_BYTES;
  if (optional + CERTIFICATE_DIRECTORY_AT + 8 > file.length)
    throw new PeError(`its header is at ${start}, and the file ends at ${file.length}`);
  if (file.readUInt32LE(start) !== PE_MAGIC || file.readUInt16LE(optional) !== OPTIONAL_MAGIC_64)
    throw new PeError('it has no header of a program of 64 bits');
  const certificateEntryOffset = optional + CERTIFICATE_DIRECTORY_AT;
  // The only directory whose place is one in the file and not in memory.
  const offset = file.readUInt32LE(certificateEntryOffset);
  const size = file.readUInt32LE(certificateEntryOffset + 4);
  if (offset + size > file.length)
    throw new PeError(`its certificates end at ${offset + size}, the file at ${file.length}`);
  return {
    checksumOffset: optional + 64,
    certificateEntryOffset,
    certificates: size === 0 ? undefined : { offset, size },
  };
}
