// What a background agent says to the `agent start` that started it, over a pipe: one JSON object a line.
import { parseRecord } from '#shared/text/json-record.ts';

/** The hidden first word of a background agent; the name, the job, the run folder and the words of its program follow as JSON. */
export const BACKGROUND_FLAG = '--in-background';

/** What it is told of itself. */
export interface BackgroundPlace {
  readonly name: string;
  readonly job: string;
  /** The state folder, and the name of the run folder in it. */
  readonly state: string;
  readonly run: string;
  readonly program: readonly string[];
}

export type StartWord =
  /** A line of the job log. */
  | { readonly kind: 'line'; readonly text: string }
  /** A line for standard error. */
  | { readonly kind: 'complaint'; readonly text: string }
  /** All of the announcement has been said. */
  | { readonly kind: 'open' };

/** The line of a word, with its end. */
export function formatStartWord(word: StartWord): string {
  return `${JSON.stringify(word)}\n`;
}

/** Undefined: the line is none. Never throws. */
export function parseStartWord(line: string): StartWord | undefined {
  const { kind, text } = parseRecord(line) ?? {};
  if (kind === 'open') return { kind };
  if (typeof text !== 'string' || (kind !== 'line' && kind !== 'complaint')) return undefined;
  return { kind, text };
}

/** Undefined: the word is none. Never throws. */
export function parseBackgroundPlace(word: string | undefined): BackgroundPlace | undefined {
  const { name, job, state, run, program } = parseRecord(word ?? '') ?? {};
  const isWhole =
    typeof name === 'string' &&
    typeof job === 'string' &&
    typeof state === 'string' &&
    typeof run === 'string' &&
    Array.isArray(program);
  return isWhole ? { name, job, state, run, program: program.map(String) } : undefined;
}
