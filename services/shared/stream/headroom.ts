// Headroom: free bytes that lie before a chunk in its buffer, and the mark that announces them through a Node stream.

/** Room for all headers that anybody on the way puts before a chunk. */
export const HEADROOM_BYTES = 32;

const IS_ROOMY = Symbol('is roomy');

interface RoomyBuffer extends Buffer {
  [IS_ROOMY]?: true;
}

/**
 * Memory for a chunk of `bytes`, not cleared, with HEADROOM_BYTES free bytes before it. Whoever is given the chunk may
 * write headers there, and keep all of it; so nobody may alter it once it is written to a stream.
 */
export function allocateRoomy(bytes: number): Buffer {
  const chunk: RoomyBuffer = Buffer.allocUnsafe(HEADROOM_BYTES + bytes).subarray(HEADROOM_BYTES);
  chunk[IS_ROOMY] = true;
  return chunk;
}

/** How many free bytes lie before `chunk`: none unless `allocateRoomy` made it. */
export function headroomOf(chunk: Buffer): number {
  return (chunk as RoomyBuffer)[IS_ROOMY] === true ? HEADROOM_BYTES : 0;
}
