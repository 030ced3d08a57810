// Whole files: those that are short enough to be held in memory, read and written in one go.
import { joinBytes } from '#shared/stream/byte-chunk.ts';
import type { PageFiles } from '../../job/job-files.ts';
import { chunksOf } from '../dom/stream-chunks.ts';

/** What is in the file, or a little more than `maxBytes` of it. */
export async function readWhole(
  files: PageFiles,
  path: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of chunksOf(await files.read(path))) {
    parts.push(bytes);
    length += bytes.length;
    // What a file is said to have and what it has are two things.
    if (length > maxBytes) break;
  }
  return joinBytes(parts);
}

/** Resolves when the job has all of it, and the file is closed. */
export async function writeWhole(stream: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(bytes);
  await writer.close();
}
