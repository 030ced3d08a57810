// Untrusted text: what came over a wire, from a relay, a proxy or a client, and may be anything.
import { printable } from './printable.ts';

/**
 * Holds text so that no code takes it for its own: it is no `string`, and whatever makes one of it (a template, JSON) gets
 * what `printable` makes of it. The types refuse it wherever a plain string is asked for.
 */
export class Untrusted {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Bytes of a wire as UTF-8; anything that is not UTF-8 becomes U+FFFD. */
  static fromBytes(bytes: Uint8Array): Untrusted {
    return new Untrusted(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  }

  /** True if it is `text`, to the letter. */
  is(text: string): boolean {
    return this.#text === text;
  }

  /** As it came: to be parsed, to be compared, to be passed on to a machine. Never to be shown. */
  rawTextToParse(): string {
    return this.#text;
  }

  /** For a person or a log: see `printable`. */
  printable(maxLength?: number): string {
    return printable(this.#text, maxLength);
  }

  /** For what makes a string of it where neither the types nor the linter (restrict-template-expressions) saw it. */
  toString(): string {
    return this.printable();
  }

  toJSON(): string {
    return this.printable();
  }
}

/** What a person sees of text that may be ours or not. */
export function shown(text: string | Untrusted): string {
  return typeof text === 'string' ? text : text.printable();
}
