// Masking the payload of a frame in place, and unmasking, which is the same operation (RFC 6455 section 5.3).

/** Below this many bytes the words do not pay. */
const WORDS_FROM_BYTES = 32;

/**
 * Unmasks `bytes[start, end)` in place. `mask` is the key's four bytes, big-endian as on the wire; `phase` is how far
 * into the payload `start` is. The result is the phase after it.
 */
export function unmask(bytes: Buffer, start: number, end: number, mask: number, phase: number): number {
  const after = (phase + end - start) & 3;
  if (mask === 0) return after;
  let at = start;
  let turn = phase;
  if (end - start >= WORDS_FROM_BYTES) {
    while (((bytes.byteOffset + at) & 3) !== 0) {
      bytes[at] = (bytes[at] ?? 0) ^ keyByte(mask, turn);
      at += 1;
      turn += 1;
    }
    const count = (end - at) >> 2;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, count);
    const key = wordKey(mask, turn);
    for (let word = 0; word < count; word += 1) words[word] = (words[word] ?? 0) ^ key;
    // Four bytes a word: the turn is the same afterwards.
    at += count * 4;
  }
  for (; at < end; at += 1, turn += 1) bytes[at] = (bytes[at] ?? 0) ^ keyByte(mask, turn);
  return after;
}

function keyByte(mask: number, turn: number): number {
  return (mask >>> (24 - 8 * (turn & 3))) & 0xff;
}

/** The key as a word of this machine, first byte at `turn`: every platform of ours is little-endian. */
function wordKey(mask: number, turn: number): number {
  return (
    keyByte(mask, turn) |
    (keyByte(mask, turn + 1) << 8) |
    (keyByte(mask, turn + 2) << 16) |
    (keyByte(mask, turn + 3) << 24)
  );
}
