// Bytes for transfers: files that repeat nowhere, made quickly, and their hashes.
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, statfs } from 'node:fs/promises';

const BLOCK_BYTES = 4 * 1_024 * 1_024;

/** Writes a file of `bytes` that no part of repeats; the same for the same seed. Needs three times the room. */
export async function makeBytes(path: string, bytes: number, seed = 0): Promise<void> {
  const file = await open(path, 'w');
  try {
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize < 3 * bytes)
      throw new Error(`the disk of ${path} has no room for three times ${bytes} bytes`);
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
    const zeros = Buffer.alloc(BLOCK_BYTES);
    for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
      await file.write(cipher.update(zeros.subarray(0, Math.min(left, BLOCK_BYTES))));
    }
  } finally {
    await file.close();
  }
}

export async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: BLOCK_BYTES }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}
