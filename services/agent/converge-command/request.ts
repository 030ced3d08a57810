// What `converge` in a session and the agent say to each other: one JSON line each way over a unix socket.
import { parseRecord } from '#shared/text/json-record.ts';
import { MAX_DURATION_MS } from '#shared/time/duration.ts';

/** The longest request or reply line, in bytes. */
export const MAX_LINE_BYTES = 8_192;

/** How long either end waits for the other's line. Both are on one machine: longer means that it hangs. */
export const LINE_TIMEOUT_MS = 5_000;

/** A hold without a duration is for the agent's timeout. */
export type ConvergeRequest =
  /** What becomes of the job, by somebody in it. */
  | { readonly command: 'continue' }
  | { readonly command: 'fail'; readonly exitCode: number }
  /** By the job: it is done. After the reply the connection stays; when it closes before the agent does, the job was cancelled. */
  | { readonly command: 'wait'; readonly lingerMs: number }
  /** By the job. */
  | { readonly command: 'stop' }
  | { readonly command: 'release' | 'end' }
  /** `form`: for people, unless a program asks. */
  | { readonly command: 'status'; readonly form?: 'json' }
  | { readonly command: 'hold'; readonly durationMs?: number }
  | { readonly command: 'password'; readonly state: 'on' | 'off' }
  /** A line as `authorized_keys` has it. */
  | { readonly command: 'allow'; readonly line: string };

/** Text for the person, and the exit code of the command. */
export interface ConvergeReply {
  readonly exitCode: number;
  readonly text: string;
}

/** Reads a request line; undefined if it is not one. Never throws. */
export function parseRequest(line: string): ConvergeRequest | undefined {
  const { command, durationMs, exitCode, form, line: key, lingerMs, state } = parseRecord(line) ?? {};
  if (command === 'release' || command === 'end' || command === 'continue' || command === 'stop')
    return { command };
  if (command === 'fail') return isFailureCode(exitCode) ? { command, exitCode } : undefined;
  if (command === 'wait') return isLinger(lingerMs) ? { command, lingerMs } : undefined;
  if (command === 'status') return form === 'json' ? { command, form } : { command };
  if (command === 'allow') return typeof key === 'string' ? { command, line: key } : undefined;
  if (command === 'password') return state === 'on' || state === 'off' ? { command, state } : undefined;
  if (command !== 'hold') return undefined;
  if (durationMs === undefined) return { command };
  const isDuration = typeof durationMs === 'number' && durationMs > 0 && durationMs <= MAX_DURATION_MS;
  return isDuration ? { command, durationMs } : undefined;
}

/** Whether it is an exit code of a job that failed: 1 to 255. */
export function isFailureCode(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 255;
}

function isLinger(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS;
}

/** Reads a reply line; undefined if it is not one. Never throws. */
export function parseReply(line: string): ConvergeReply | undefined {
  const { exitCode, text } = parseRecord(line) ?? {};
  if (typeof exitCode !== 'number' || typeof text !== 'string') return undefined;
  return { exitCode, text };
}

/** The line of a request or reply, with its end. */
export function formatLine(message: ConvergeRequest | ConvergeReply): string {
  return `${JSON.stringify(message)}\n`;
}
