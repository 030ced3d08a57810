// The ad-hoc signature: without one, of nobody in particular, Apple's own processors run no program and load no addon.
import { buildCodeDirectory } from './code-directory.ts';
import { addSignatureCommand, readImage } from './image.ts';
import { MachOError } from './mach-o-error.ts';
import { resizeSegment } from './segment.ts';
import { buildPart, buildSuperBlob, SLOT_CMS, SLOT_CODE_DIRECTORY, SLOT_REQUIREMENTS } from './super-blob.ts';

const REQUIREMENTS_MAGIC = 0xfade0c01;
/** Where a certificate's signature would be: `codesign --sign -` leaves it empty as well. */
const CMS_MAGIC = 0xfade0b01;

/** Where a signature may begin, and what its length is a multiple of. */
const ALIGNMENT_BYTES = 16;
/** The larger of the two processors' pages: right for both. */
const MEMORY_PAGE_BYTES = 0x4000;
/** The code directory has 32 bits for the size of what it is of. */
const MAX_FILE_BYTES = 0xffff_ffff;

/**
 * The same program or addon with an ad-hoc signature under the name `identifier`, in place of the one that it has. It is the
 * last step: whatever changes in the file after it breaks it. The same from the same, byte for byte.
 * @throws MachOError when `file` is neither for macOS, or not whole
 */
export function signAdHoc(file: Buffer, identifier: string): Buffer {
  const image = readImage(file);
  const codeEnd = image.signature?.offset ?? file.length;
  const offset = align(codeEnd);
  if (offset > MAX_FILE_BYTES) throw new MachOError(`${offset} bytes are more than a signature can be of`);

  const requirements = buildPart(REQUIREMENTS_MAGIC, Buffer.alloc(4));
  const sign = (code: Buffer): Buffer =>
    buildSuperBlob([
      {
        slot: SLOT_CODE_DIRECTORY,
        bytes: buildCodeDirectory({
          identifier,
          kind: image.kind,
          code,
          textBytes: image.text.fileSize,
          requirements,
        }),
      },
      { slot: SLOT_REQUIREMENTS, bytes: requirements },
      { slot: SLOT_CMS, bytes: buildPart(CMS_MAGIC, Buffer.alloc(0)) },
    ]);

  const code = Buffer.alloc(offset);
  file.copy(code, 0, 0, codeEnd);
  // The header belongs to what is signed, and says how long the signature is: so it is made twice, the first time for that.
  const size = align(sign(code).length);
  const command = image.signature?.commandOffset ?? addSignatureCommand(code, image);
  code.writeUInt32LE(offset, command + 8);
  code.writeUInt32LE(size, command + 12);
  resizeSegment(code, image.linkEdit, offset + size - image.linkEdit.fileOffset, MEMORY_PAGE_BYTES);
  return Buffer.concat([code, sign(code)], offset + size);
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
