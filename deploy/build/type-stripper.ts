// The type stripper inside Node: a compiler of TypeScript, which no program of ours runs, and a megabyte of what each weighs compressed.
import { BuildError } from './build-error.ts';

/** A module of WebAssembly in base64, as a text in quotes. */
const BEGIN = Buffer.from('"AGFzbQ', 'latin1');
const QUOTE = 0x22;
/** Node carries smaller ones, which read HTTP. */
const LEAST_BYTES = 1_000_000;
/** Longer than any. */
const MOST_BYTES = 32_000_000;

/**
 * Makes the compiler in `executable` zeros of base64, in place, and returns how many bytes that were: who runs TypeScript with it is told
 * that it does not work, and nothing else differs.
 * @throws BuildError `executable_unusable` where there is none, or more than one
 */
export function removeTypeStripper(executable: Buffer): number {
  const found: Buffer[] = [];
  for (let at = executable.indexOf(BEGIN); at >= 0; at = executable.indexOf(BEGIN, at + 1)) {
    const end = executable.subarray(0, at + MOST_BYTES).indexOf(QUOTE, at + 1);
    if (end - at > LEAST_BYTES) found.push(executable.subarray(at + 1, end));
  }
  const [text, ...more] = found;
  if (text === undefined || more.length > 0)
    throw new BuildError(
      'executable_unusable',
      `Node carries ${found.length} type strippers in place of one`,
    );
  text.fill('A');
  return text.length;
}
