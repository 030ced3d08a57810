// The options of ssh for a job: how it takes the host key, and for how long it waits for an answer.
import { FORGET_HOST } from './printed-commands.ts';

/** How long an agent keeps a session whose client is lost, unless it is told otherwise; and the same in milliseconds. */
export const DEFAULT_RESUME_WINDOW = '2m';
export const DEFAULT_RESUME_WINDOW_MS = 120_000;

/** Between two probes of `ssh`; load balancers close what is idle for 60 s, so this also keeps a link busy. */
export const SERVER_ALIVE_INTERVAL_SECONDS = 30;

/** In milliseconds. `ssh` must not give up while its stream may still be resumed, nor at the moment when it is. */
export const SERVER_ALIVE_MARGIN_MS = 30_000;

/** The pin makes known_hosts needless; LogLevel keeps "Permanently added…" off the screen. */
const PINNED_OPTIONS = ['StrictHostKeyChecking=no', FORGET_HOST, 'LogLevel=ERROR'] as const;

export interface SshCase {
  /** A client program checks the host key. Without that, ssh is left to ask about it. */
  readonly isPinned: boolean;
  /** How long a session outlives its transport, in milliseconds; undefined or 0 if it does not. */
  readonly resumeWindowMs?: number | undefined;
}

/** What follows `-o`, one option each; with a resume window, probes that outlast it. */
export function sshOptions({ isPinned, resumeWindowMs = 0 }: SshCase): string[] {
  const key = isPinned ? PINNED_OPTIONS : [FORGET_HOST];
  if (resumeWindowMs === 0) return [...key];
  const patienceSeconds = (resumeWindowMs + SERVER_ALIVE_MARGIN_MS) / 1_000;
  return [
    ...key,
    `ServerAliveInterval=${SERVER_ALIVE_INTERVAL_SECONDS}`,
    `ServerAliveCountMax=${Math.ceil(patienceSeconds / SERVER_ALIVE_INTERVAL_SECONDS)}`,
  ];
}
