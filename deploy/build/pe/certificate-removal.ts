// The removal of certificates: a program that changes after it was signed is worse than one that nobody signed.
import { PeError } from './pe-error.ts';
import { readPeHeader } from './pe-header.ts';

/** The same program as nobody signed it. @throws PeError where it is none, or has something behind its certificates */
export function removeCertificates(file: Buffer): Buffer {
  const { certificates, certificateEntryOffset } = readPeHeader(file);
  if (certificates === undefined) return file;
  if (certificates.offset + certificates.size !== file.length)
    throw new PeError(
      `there are ${file.length - certificates.offset - certificates.size} bytes behind its certificates`,
    );
  const bare = Buffer.from(file.subarray(0, certificates.offset));
  bare.fill(0, certificateEntryOffset, certificateEntryOffset + 8);
  return bare;
}
