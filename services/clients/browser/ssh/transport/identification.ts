// Identification lines (RFC 4253 section 4.2): what each end says before the packets.
import { SshFault } from '../wire/ssh-fault.ts';

/** Says what this is, and nothing about the machine it runs on. */
export const CLIENT_LINE = 'SSH-2.0-ConvergePage_1';

/** Of a line before the packets, in bytes; RFC 4253 has 255 for the identification. */
const MAX_LINE_BYTES = 255;
/** Lines before the identification. */
const MAX_LINES_BEFORE = 64;

const LINE_FEED = 0x0a;

/** Takes bytes until the identification is complete. */
export class HostLineReader {
  #line: number[] = [];
  #seen = 0;

  /** The line without its end, and how many bytes of `chunk` it took; undefined if there is more to come. Throws. */
  read(chunk: Uint8Array): { readonly line: string; readonly used: number } | undefined {
    for (const [at, byte] of chunk.entries()) {
      if (byte !== LINE_FEED) {
        if (this.#line.length >= MAX_LINE_BYTES)
          throw new SshFault('too_big', 'a line before SSH that is too long');
        this.#line.push(byte);
        continue;
      }
      const line = String.fromCharCode(...this.#line).replace(/\r$/, '');
      this.#line = [];
      if (line.startsWith('SSH-')) return { line: checked(line), used: at + 1 };
      this.#seen += 1;
      if (this.#seen > MAX_LINES_BEFORE) throw new SshFault('too_big', 'too many lines before SSH');
    }
    return undefined;
  }
}

function checked(line: string): string {
  if (/^SSH-2\.0-[\x20-\x7e]+$/.test(line)) return line;
  throw new SshFault('malformed', 'the host does not identify itself as SSH 2.0');
}
