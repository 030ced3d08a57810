// wsproxy itself, as another program starts it: the words for that, and the options that it hands on to itself.
import { ownProgramWords } from '#shared/machine/own-program.ts';
import { IDENTITY_OPTIONS } from '../command-line/identity-options.ts';
import type { QuotingPlatform } from '../tools/quoting.ts';

export interface OwnProgram {
  /** The words that start it, without arguments; files by their whole path. */
  readonly words: readonly string[];
  readonly platform: QuotingPlatform;
}

/** Those that take a value, in whatever command. */
export const OWN_OPTIONS = [
  'wait',
  'strip',
  'user',
  'resume-window',
  'events',
  'timeout',
  'password-file',
  'quote',
  ...IDENTITY_OPTIONS,
] as const;

/** Those that the ProxyCommand of a tool gets as they were given. */
const HANDED_ON = ['wait', ...IDENTITY_OPTIONS] as const;

export function ownProgram(): OwnProgram {
  return { words: ownProgramWords(), platform: process.platform };
}

/** Where the first word stands that is no option and no value of one of `options`; the length if there is none. */
export function firstWord(args: readonly string[], options: readonly string[]): number {
  let at = 0;
  while (at < args.length) {
    const word = args[at] ?? '';
    if (!word.startsWith('-')) break;
    at += options.includes(word.slice(2)) ? 2 : 1;
  }
  return Math.min(at, args.length);
}

/** The words of a ProxyCommand, without the URL. */
export function wsproxyWords(self: OwnProgram, values: ReadonlyMap<string, string>): string[] {
  const options = HANDED_ON.flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  return [...self.words, ...options];
}
