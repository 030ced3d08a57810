// Byte chunks: memory of this program, whatever it runs in. In Node a Buffer, in a page a plain Uint8Array.
//
// A room whose files run in pages too asks for memory here. Compiled for Node (tsconfig.json) `ByteChunk` is a Buffer, so that
// other rooms may go on with whatever they are given; compiled for a page (tsconfig.page.json) there is no such word, and
// what only a Buffer can do is refused.

/** What `Buffer` is, where there is one. */
type BufferHere = typeof globalThis extends {
  readonly Buffer: { isBuffer(value: unknown): value is infer Found };
}
  ? Found
  : never;

export type ByteChunk = [BufferHere] extends [never] ? Uint8Array<ArrayBuffer> : BufferHere;

interface ChunkMaker {
  allocUnsafe(count: number): ByteChunk;
  from(memory: ArrayBufferLike, offset: number, count: number): ByteChunk;
}

/** Zeroed memory costs a page what it costs; its frames go to WebSocket.send, which copies them anyway. */
const PLAIN: ChunkMaker = {
  allocUnsafe: (count) => new Uint8Array(count) as ByteChunk,
  from: (memory, offset, count) => new Uint8Array(memory, offset, count) as ByteChunk,
};

const maker: ChunkMaker = (globalThis as { readonly Buffer?: ChunkMaker }).Buffer ?? PLAIN;

/** Memory of `count` bytes; what is in it is chance. */
export function allocateBytes(count: number): ByteChunk {
  return maker.allocUnsafe(count);
}

/** The `count` bytes of `memory` from `offset` on: no copy. */
export function bytesAt(memory: ArrayBufferLike, offset: number, count: number): ByteChunk {
  return maker.from(memory, offset, count);
}

/** The same bytes, no copy: what comes from WebCrypto or a WebSocket is no Buffer in Node either. */
export function bytesOver(view: Uint8Array): ByteChunk {
  return maker.from(view.buffer, view.byteOffset, view.byteLength);
}

/** All of them, one behind the other, in memory of their own. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The unsigned integer of four bytes at `at`, the highest first; what lies beyond the end counts as 0. */
export function readUint32(source: Uint8Array, at: number): number {
  const low = ((source[at + 1] ?? 0) << 16) | ((source[at + 2] ?? 0) << 8) | (source[at + 3] ?? 0);
  return (source[at] ?? 0) * 0x1000000 + low;
}

/** Writes an unsigned integer of four bytes at `at`, the highest first. */
export function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
