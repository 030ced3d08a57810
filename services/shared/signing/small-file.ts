// A small file of a person: a key, a certificate, a token. What is larger than such files are is not read.
import { open } from 'node:fs/promises';
import { faultText } from '#shared/text/fault-text.ts';

/** A key of 16,384 bits has 13 KiB, the largest certificate 44 KiB in base64; in bytes. */
export const MAX_KEY_FILE_BYTES = 64 * 1_024;

/** What a file holds; a missing one is no fault where it may be missing. */
export type FileText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  /** `why`: the rest of a sentence that the path begins. */
  | { readonly kind: 'unreadable'; readonly why: string };

/** The text of `path`, which should be a `what`. Never rejects. */
export async function readSmallFile(path: string, what: 'key' | 'token' | 'password'): Promise<FileText> {
  try {
    await using file = await open(path);
    if ((await file.stat()).isDirectory()) return { kind: 'unreadable', why: 'is a folder' };
    const buffer = Buffer.alloc(MAX_KEY_FILE_BYTES + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > MAX_KEY_FILE_BYTES) {
      return { kind: 'unreadable', why: `has more than ${MAX_KEY_FILE_BYTES} bytes; it is no ${what}` };
    }
    return { kind: 'text', text: buffer.toString('utf8', 0, bytesRead) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', why: faultText(error) };
  }
}
