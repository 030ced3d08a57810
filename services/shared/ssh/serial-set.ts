// Serial numbers of revoked certificates: single ones, ranges and bitmaps, none of them spelled out.

/** From the first to the last, both included. */
export interface SerialRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** Bit n of the number that `bits` is (big-endian) stands for `offset` + n. */
export interface SerialBitmap {
  readonly offset: bigint;
  readonly bits: Buffer;
}

export interface Serials {
  readonly singles: readonly bigint[];
  readonly ranges: readonly SerialRange[];
  readonly bitmaps: readonly SerialBitmap[];
}

/** How many bits `bits` has, leading zeros left out. */
export function bitLengthOf(bits: Buffer): number {
  const first = bits.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (bits.length - first) * 8 - (Math.clz32(bits[first] ?? 0) - 24);
}

export class SerialSet {
  /** Sorted. */
  readonly #singles: BigUint64Array;
  /** Sorted by their first, and apart from one another. */
  readonly #ranges: readonly SerialRange[];
  readonly #bitmaps: readonly SerialBitmap[];

  constructor({ singles, ranges, bitmaps }: Serials) {
    this.#singles = BigUint64Array.from(singles).sort();
    this.#ranges = merged(ranges);
    this.#bitmaps = bitmaps;
  }

  /** Zero is in no set: it is what an authority writes that does not number its certificates. */
  has(serial: bigint): boolean {
    if (serial === 0n) return false;
    const single = lastAtMost(this.#singles.length, (index) => (this.#singles[index] ?? 0n) <= serial);
    if (this.#singles[single] === serial) return true;
    const range = lastAtMost(this.#ranges.length, (index) => (this.#ranges[index]?.first ?? 0n) <= serial);
    if (serial <= (this.#ranges[range]?.last ?? 0n)) return true;
    return this.#bitmaps.some((bitmap) => isSet(bitmap, serial));
  }
}

function merged(ranges: readonly SerialRange[]): SerialRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const apart: { first: bigint; last: bigint }[] = [];
  for (const { first, last } of sorted) {
    const previous = apart.at(-1);
    if (previous === undefined || first > previous.last) apart.push({ first, last });
    else if (last > previous.last) previous.last = last;
  }
  return apart;
}

/** The last index below `length` for which `isAtMost` holds, which it does for none after one that it does not; or -1. */
function lastAtMost(length: number, isAtMost: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAtMost(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function isSet({ offset, bits }: SerialBitmap, serial: bigint): boolean {
  if (serial < offset || serial - offset >= BigInt(bits.length * 8)) return false;
  const bit = Number(serial - offset);
  return (((bits[bits.length - 1 - (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;
}
