// The random pool: random bytes a page at a time, since each call of the generator costs more than the bytes do.
import { randomBytes } from 'node:crypto';

/** Enough for a hundred sessions of a relay, or the padding of some hundred packets, in bytes. */
const PAGE_BYTES = 4096;

let page = randomBytes(PAGE_BYTES);
let used = 0;

/** This many random bytes (at most PAGE_BYTES), which nobody else gets. */
export function takeRandomBytes(count: number): Buffer {
  if (used + count > PAGE_BYTES) {
    // A page of its own: what was taken from the last one stays as it is.
    page = randomBytes(PAGE_BYTES);
    used = 0;
  }
  used += count;
  return page.subarray(used - count, used);
}
