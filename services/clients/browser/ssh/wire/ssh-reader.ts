// Reading SSH messages (RFC 4251 section 5): every read is checked against the end, and against a limit where one is given.
import { readUint32 } from '#shared/stream/byte-chunk.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { SshFault } from './ssh-fault.ts';

const NAME_LIST = /^(?:[\x21-\x2b\x2d-\x7e]+(?:,[\x21-\x2b\x2d-\x7e]+)*)?$/;

/** Throws a `malformed` SshFault wherever the bytes are not what is asked for. Strings are views, not copies. */
export class SshReader {
  readonly #bytes: Uint8Array;
  #at: number;

  /** From `at` on: 1 to leave the number of a message out. */
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  uint32(): number {
    return readUint32(this.take(4), 0);
  }

  /** As a number: over 2^53 it is malformed. */
  uint64(): number {
    const value = this.uint32() * 2 ** 32 + this.uint32();
    if (!Number.isSafeInteger(value)) throw new SshFault('malformed', 'a number over 2^53');
    return value;
  }

  string(maxBytes = Number.POSITIVE_INFINITY): Uint8Array {
    const count = this.uint32();
    if (count > maxBytes) throw new SshFault('too_big', `a string of ${count} bytes, over ${maxBytes}`);
    return this.take(count);
  }

  /** A name of the protocol: ASCII, compared with ours, never shown. */
  name(): string {
    return String.fromCharCode(...this.string(MAX_NAME_BYTES));
  }

  /** Text of the host, for a person. */
  text(maxBytes: number): Untrusted {
    return Untrusted.fromBytes(this.string(maxBytes));
  }

  /** RFC 4251 section 5, name-list. */
  nameList(): readonly string[] {
    const list = new TextDecoder('latin1').decode(this.string());
    if (!NAME_LIST.test(list)) throw new SshFault('malformed', 'a list of names that is none');
    return list === '' ? [] : list.split(',');
  }

  /** The next `count` bytes, as they are. */
  take(count: number): Uint8Array {
    if (count > this.left) throw new SshFault('malformed', 'a message that is too short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) throw new SshFault('malformed', `${this.left} bytes too many in a message`);
  }
}

/** Of a name of the protocol (a request, a type of channel, an extension), in bytes: RFC 4251 section 6 has 64. */
const MAX_NAME_BYTES = 64;
