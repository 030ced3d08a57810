// Kept output: the first bytes of a stream, and how many there were.
import type { Readable } from 'node:stream';

/** Of each output of a command that is answered as JSON, in bytes; what comes behind is counted, and dropped. */
export const MAX_EXEC_OUTPUT_BYTES = 1024 * 1024;

export class KeptOutput {
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;

  /** Reads all of it: a command must not wait for a reader. */
  read(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      const room = MAX_EXEC_OUTPUT_BYTES - this.#keptBytes;
      if (room <= 0) return;
      const kept = chunk.subarray(0, room);
      this.#kept.push(kept);
      this.#keptBytes += kept.length;
    });
    stream.on('error', () => undefined);
  }

  /** Text, or base64 of bytes that are no UTF-8. */
  result(): { readonly text: string; readonly encoding: 'utf-8' | 'base64'; readonly bytes: number } {
    const whole = Buffer.concat(this.#kept);
    // A character that the bound cut in two is no reason to call it no text.
    const end = this.#bytes > whole.length ? endOfText(whole) : whole.length;
    const text = textOf(whole.subarray(0, end));
    return text === undefined
      ? { text: whole.toString('base64'), encoding: 'base64', bytes: this.#bytes }
      : { text, encoding: 'utf-8', bytes: this.#bytes };
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Where the last character begins, if it may be cut: at most three bytes before the end. */
function endOfText(bytes: Uint8Array): number {
  let at = bytes.length - 1;
  while (at > bytes.length - 4 && at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return (bytes[at] ?? 0) >= 0xc0 ? at : bytes.length;
}
