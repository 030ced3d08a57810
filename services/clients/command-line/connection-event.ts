// Connection events: what happens between wsproxy and a job, as JSON lines for programs.
import { jsonLineFrom } from '#shared/text/json-line.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import type { Happening } from '../connection/notice.ts';

/** `closed` is the end of the connection, with the exit code of wsproxy; `ended` that of the tool that used it. */
export type ConnectionEvent =
  | { readonly event: 'connected'; readonly id: string; readonly relay: string }
  | { readonly event: Happening; readonly message: string }
  | { readonly event: 'closed' | 'ended'; readonly exitCode: number };

/** One line, with its end. `time` is in milliseconds since 1970. */
export function eventLine(event: ConnectionEvent, time: number): string {
  const { event: name, ...rest } = event;
  return `${jsonLineFrom({ event: name, time: new Date(time).toISOString(), ...rest })}\n`;
}

/** What the lines of a file tell of a connection that has ended, or of one that has not. */
export interface ConnectionStory {
  readonly isConnected: boolean;
  /** The last thing that was said; undefined if nothing was. */
  readonly lastMessage: string | undefined;
  /** Of the wsproxy; undefined while it runs. */
  readonly exitCode: number | undefined;
}

/** Reads lines of `eventLine`; whatever else is there is left out. Never throws. */
export function storyOf(lines: string): ConnectionStory {
  const records = lines
    .split('\n')
    .map(parseRecord)
    .filter((record) => record !== undefined);
  const codes = records.flatMap(({ event, exitCode }) =>
    event === 'closed' && typeof exitCode === 'number' ? [exitCode] : [],
  );
  const messages = records.flatMap(({ message }) => (typeof message === 'string' ? [message] : []));
  return {
    isConnected: records.some(({ event }) => event === 'connected'),
    lastMessage: messages.at(-1),
    exitCode: codes.at(-1),
  };
}
