// The log follower: prints the lines of a file as they come.
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { parseRecord } from '#shared/text/json-record.ts';
import { type PrintableLine, printableJson, printableLine } from '#shared/text/printable.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';

/** How often the file is looked at, in milliseconds: a person reads along. */
export const FOLLOW_EVERY_MS = 250;

const CHUNK_BYTES = 65_536;

/** What the agent itself has made for GitHub (annotation.ts): the one kind of line in its log that is meant as a command. */
const ANNOTATION = /^::(?:notice|error) title=Converge::[^\p{C}]*$/u;

/**
 * A line of the log for people and machines. The file is the user's: whoever is in the job may have written into it. JSON stays
 * JSON.
 */
export function printableLogLine(line: string): PrintableLine {
  if (parseRecord(line) !== undefined) {
    return printableJson(line).replaceAll(/(?<=#)#/g, '\\u0023') as PrintableLine;
  }
  return ANNOTATION.test(line) ? (line as PrintableLine) : printableLine(line);
}

export interface LogFollower {
  /** Prints what has come by now, a line without its end too, and looks no more. May be called twice. */
  stop(): void;
}

/** Follows `path` from its start. A file that is not there, or cannot be read, has no lines. */
export function followLog(path: string, clock: Clock, print: (line: string) => void): LogFollower {
  let file: number | undefined;
  let rest = '';
  let cancel: Cancel | undefined;
  const decoder = new StringDecoder('utf8');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  try {
    file = openSync(path, 'r');
  } catch {
    return { stop() {} };
  }

  function read(): void {
    if (file === undefined) return;
    for (let count = readSync(file, chunk); count > 0; count = readSync(file, chunk)) {
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
