// The backlog of a sink: lines that wait, up to a bound in bytes.

/** How much waits for a file or an endpoint that does not take it, in bytes; further lines are lost, and counted. */
export const MAX_AUDIT_BACKLOG_BYTES = 16 * 1024 * 1024;

/** Lines that are handed over together. */
export interface Batch {
  readonly lines: number;
  readonly bytes: Buffer;
}

export interface BatchLimits {
  readonly lines: number;
  readonly bytes: number;
}

export class Backlog {
  readonly #lines: string[] = [];
  readonly #max: number;
  #bytes = 0;
  /** A line found no room, and nobody was told since that there is some. */
  #hasRefused = false;

  constructor(max = MAX_AUDIT_BACKLOG_BYTES) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get lines(): number {
    return this.#lines.length;
  }

  /** False: there is no room. */
  push(line: string): boolean {
    const bytes = Buffer.byteLength(line);
    if (this.#bytes + bytes > this.#max) {
      this.#hasRefused = true;
      return false;
    }
    this.#lines.push(line);
    this.#bytes += bytes;
    return true;
  }

  /** The oldest lines, at least one if there is any; they stay until they are dropped. */
  first(limits: BatchLimits): Batch {
    const taken: string[] = [];
    let bytes = 0;
    for (const line of this.#lines) {
      bytes += Buffer.byteLength(line);
      if (taken.length > 0 && (taken.length >= limits.lines || bytes > limits.bytes)) break;
      taken.push(line);
    }
    return { lines: taken.length, bytes: Buffer.from(taken.join('')) };
  }

  /** Forgets the oldest. True: there is room again after a line found none; said once. */
  drop({ lines, bytes }: Batch): boolean {
    this.#lines.splice(0, lines);
    this.#bytes -= bytes.length;
    if (!this.#hasRefused || this.#bytes > this.#max / 2) return false;
    this.#hasRefused = false;
    return true;
  }
}
