// A fixed limit: one row of docs/limits.md.

export interface FixedLimit {
  readonly what: string;
  readonly value: number;
  /** What the value counts; bytes and milliseconds are written as people do. */
  readonly unit: 'bytes' | 'ms' | 's' | 'count';
  /** What happens past it. */
  readonly past: string;
}
