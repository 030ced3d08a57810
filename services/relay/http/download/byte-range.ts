// Byte ranges: what a Range header asks of a file.

/** One range of RFC 9110 section 14.1.2, not yet held against a size. */
export type ByteRange =
  | { readonly kind: 'from'; readonly first: number; readonly last: number }
  | { readonly kind: 'suffix'; readonly length: number };

/** Offsets of the first and the last byte to send, both included. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

const SINGLE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * Reads a Range header. Undefined where it is to be ignored and the whole file sent: no header, not understood, or more
 * than one range (which RFC 9110 section 14.2 leaves to the server; no download tool asks for that).
 */
export function parseByteRange(header: string | undefined): ByteRange | undefined {
  const [, first, last] = SINGLE_RANGE.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return undefined;
  if (first === '') return { kind: 'suffix', length: Number(last) };
  const range = { kind: 'from', first: Number(first), last: last === '' ? Infinity : Number(last) } as const;
  return range.first <= range.last ? range : undefined;
}

/** The bytes of a file of `size` bytes that `range` names; undefined if it names none of them (status 416). */
export function resolveByteRange(range: ByteRange, size: number): ByteSpan | undefined {
  const start = range.kind === 'from' ? range.first : Math.max(0, size - range.length);
  const end = range.kind === 'from' ? Math.min(range.last, size - 1) : size - 1;
  return start <= end ? { start, end } : undefined;
}
