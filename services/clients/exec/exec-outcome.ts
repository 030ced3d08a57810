// The outcome of a command in a job: its own end, or why there was none, in one sentence.
import type { ConnectionStory } from '../command-line/connection-event.ts';
import { CLIENT_EXIT_CODES } from '../command-line/exit-code.ts';

/** What ssh ends with for a reason of its own. */
export const SSH_FAILED = 255;
/** As timeout(1) has it. */
export const TIMED_OUT = 124;

export type ExecFailure =
  | 'no_ssh'
  | 'unreachable'
  | 'refused'
  | 'host_key_mismatch'
  | 'not_let_in'
  | 'connection_lost'
  | 'fault';

export type ExecOutcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'timed_out'; readonly message: string }
  /** A signal to wsproxy, by its number. */
  | { readonly kind: 'interrupted'; readonly signal: number }
  | { readonly kind: 'failed'; readonly reason: ExecFailure; readonly message: string };

/** What ssh left behind. */
export interface SshProcessEnd {
  readonly code: number;
  /** What it said itself, apart from what the command said. */
  readonly log: string;
  readonly story: ConnectionStory;
  readonly user: string;
  readonly hasPassword: boolean;
}

const FAILURES: Readonly<Record<number, ExecFailure>> = {
  [CLIENT_EXIT_CODES.unreachable]: 'unreachable',
  [CLIENT_EXIT_CODES.refused]: 'refused',
  [CLIENT_EXIT_CODES.host_key_mismatch]: 'host_key_mismatch',
};

/** What the end of ssh means. A 255 about which ssh says nothing is that of the command. */
export function execOutcomeOf(end: SshProcessEnd): ExecOutcome {
  const { code, log, story } = end;
  if (code !== SSH_FAILED) return { kind: 'exited', code };
  const { exitCode = 0, lastMessage } = story;
  if (exitCode !== 0)
    return {
      kind: 'failed',
      // Codes that are none of these say that the connection broke.
      reason:
        story.isConnected && exitCode === CLIENT_EXIT_CODES.unreachable
          ? 'connection_lost'
          : (FAILURES[exitCode] ?? 'fault'),
      message: lastMessage ?? `wsproxy ended with ${exitCode}`,
    };
  const lines = log.split(/\r?\n/).filter((line) => line.trim() !== '');
  const denied = lines
    .map((line) => /Permission denied \(([^)]*)\)/.exec(line))
    .find((match) => match !== null);
  if (denied !== undefined)
    return { kind: 'failed', reason: 'not_let_in', message: deniedText(denied[1] ?? '', end) };
  const last = lines.at(-1);
  if (last === undefined) return { kind: 'exited', code };
  const reason = story.isConnected ? 'connection_lost' : 'fault';
  return { kind: 'failed', reason, message: `ssh failed: ${last}` };
}

function deniedText(ways: string, { user, hasPassword }: SshProcessEnd): string {
  const who = `the job did not let ${user} in (${ways})`;
  if (!/password|keyboard-interactive/.test(ways))
    return `${who}: it takes certain keys only; -i FILE behind the URL names one, or add it to the ssh-agent`;
  return hasPassword
    ? `${who}: the password is not the one of this job`
    : `${who}: it wants the password of the job log, in CONVERGE_PASSWORD or by --password-file FILE`;
}

/** The exit code of wsproxy. */
export function exitCodeOf(outcome: ExecOutcome): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code;
    case 'timed_out':
      return TIMED_OUT;
    case 'interrupted':
      return 128 + outcome.signal;
    case 'failed':
      return SSH_FAILED;
  }
}
