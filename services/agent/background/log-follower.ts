// The log follower: prints the lines of a file as they come.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { jsonLineFrom } from '#shared/text/json-line.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import { type PrintableLine, printableLine } from '#shared/text/printable.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** How often the file is looked at, in milliseconds: a person reads along. */
export const FOLLOW_EVERY_MS = 250;

const CHUNK_BYTES = 65_536;

/** Through no link, and no wait for whoever writes into a pipe. Windows has neither flag. */
const LOOK_ONLY = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** What the agent itself has made for GitHub and Azure (annotation.ts, job-summary.ts): lines that are meant as commands. */
const ANNOTATION =
  /^(?:::(?:notice|error) title=Converge::|##vso\[task\.(?:uploadsummary|logissue type=warning)\])(?:(?!##)[^\p{C}])*$/u;

/**
 * A line of the log for people and machines. The file is the user's: whoever is in the job may have written into it. JSON stays
 * JSON.
 */
export function printableLogLine(line: string): PrintableLine {
  if (ANNOTATION.test(line)) return line as PrintableLine;
  // A line of `--json` is made harmless in another way, and is not cut.
  const object = parseRecord(line);
  return object === undefined ? printableLine(line) : jsonLineFrom(object);
}

/** Of what a program said on its standard error before it ended, so many lines are told. */
const MAX_LAST_WORDS = 20;

/** The last lines of a log, without the agent's own name. A file that cannot be read has none. */
export function readLastWords(path: string): readonly string[] {
  let file: number | undefined;
  try {
    file = openSync(path, LOOK_ONLY);
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(CHUNK_BYTES);
    const count = readSync(file, bytes, 0, bytes.length, Math.max(0, size - bytes.length));
    const lines = bytes.toString('utf8', 0, count).split('\n');
    const words = lines.map((line) => line.replace(/^agent: /, '')).filter((line) => line.trim() !== '');
    return words.slice(-MAX_LAST_WORDS);
  } catch {
    return [];
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export interface LogFollower {
  /** Prints what has come by now, a line without its end too, and looks no more. May be called twice. */
  stop(): void;
}

/**
 * Follows `path` from its start. What is not there, is no file or cannot be read has no lines: whoever is in the job may do what they like
 * with it, and `wait` must neither hang nor fail of that.
 */
export function followLog(path: string, clock: Clock, print: (line: string) => void): LogFollower {
  let file: number | undefined;
  let rest = '';
  let cancel: Cancel | undefined;
  const decoder = new StringDecoder('utf8');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    file = openSync(path, LOOK_ONLY);
  } catch {
    return { stop() {} };
  }

  function readChunk(from: number): number {
    try {
      return fstatSync(from).isFile() ? readSync(from, chunk) : 0;
    } catch {
      return 0;
    }
  }

  function read(): void {
    if (file === undefined) return;
    for (let count = readChunk(file); count > 0; count = readChunk(file)) {
      const lines = (rest + decoder.write(chunk.subarray(0, count))).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) print(line);
    }
  }

  function look(): void {
    read();
    cancel = clock.after(FOLLOW_EVERY_MS, look);
  }

  look();
  return {
    stop() {
      if (file === undefined) return;
      cancel?.();
      read();
      if (rest !== '') print(rest);
      closeSync(file);
      file = undefined;
    },
  };
}
