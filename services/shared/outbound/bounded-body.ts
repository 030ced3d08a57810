// The bounded body: all of an answer, or nothing of one that is longer than it may be.

/** Undefined, and the connection gone, if it has more than `maxBytes`. Rejects when it breaks off. */
export async function readBounded(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop destroys the answer.
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
