// The signature check: whether the pages of a program are those that were signed, as the kernel of macOS would look at it.
import {
  type CodeDirectory,
  hashOf,
  hashPages,
  isSha256Directory,
  readCodeDirectory,
} from './code-directory.ts';
import { readImage } from './image.ts';
import { MachOError } from './mach-o-error.ts';
import { readSuperBlob, SLOT_CODE_DIRECTORY, SLOTS_ALTERNATE } from './super-blob.ts';

/** Nothing is said about who signed. */
export type SignatureCheck =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'intact'; readonly directory: CodeDirectory }
  /** Of a page: its number, from 0 on. */
  | { readonly kind: 'page_changed'; readonly page: number }
  /** Of another part of the signature, such as the requirements (2) or the entitlements (5). */
  | { readonly kind: 'part_changed'; readonly slot: number };

/** Checks a whole file. @throws MachOError when it is no program, or its signature cannot be read */
export function checkSignature(file: Buffer): SignatureCheck {
  const { signature } = readImage(file);
  if (signature === undefined) return { kind: 'unsigned' };
  const parts = readSuperBlob(file.subarray(signature.offset, signature.offset + signature.size));
  const directories = [SLOT_CODE_DIRECTORY, ...SLOTS_ALTERNATE];
  const found = parts.find(({ slot, bytes }) => directories.includes(slot) && isSha256Directory(bytes));
  if (found === undefined) throw new MachOError('its signature has no code directory with SHA-256');
  const directory = readCodeDirectory(found.bytes);
  if (directory.codeLimit !== signature.offset)
    throw new MachOError(
      `its signature is of ${directory.codeLimit} bytes, and begins at ${signature.offset}`,
    );

  for (const [slot, hash] of directory.partHashes) {
    const part = parts.find((other) => other.slot === slot);
    // What is not in the signature lies elsewhere in an application's folder.
    if (part !== undefined && !hashOf(part.bytes).equals(hash)) return { kind: 'part_changed', slot };
  }
  const pages = hashPages(file.subarray(0, directory.codeLimit), directory.pageBytes);
  const page = pages.findIndex((hash, number) => !directory.pageHashes[number]?.equals(hash));
  return page === -1 ? { kind: 'intact', directory } : { kind: 'page_changed', page };
}
