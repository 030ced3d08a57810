// The hangup: whether SIGHUP, which a terminal sends when it goes, means that the job is over.
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Standard input, output and error. */
const STANDARD_DESCRIPTORS = [0, 1, 2] as const;
/** The lowest bit of the kernel's masks of signals is that of signal 1, SIGHUP. */
const SIGHUP_BIT = 1n;

/** What there is to know of how this process was started. */
export interface Start {
  readonly isTerminal: (descriptor: number) => boolean;
  /** `/proc/PID/status` of the parent; undefined where it cannot be read. */
  readonly parentStatus: string | undefined;
}

/**
 * Whether a hangup is to be ignored, as `nohup` and `trap '' HUP` ask for. Node undoes that before any of this runs: it sets
 * every signal that it inherits as ignored back to its default (`PlatformInit` in its src/node.cc). Two traces remain:
 *
 * - `nohup` replaces every standard descriptor that is a terminal. An agent without a terminal has none to lose: a shell
 *   that sends SIGHUP to all its children when it exits does not mean the agent.
 * - A shell that was told to ignore SIGHUP still does, and its status in /proc shows it. Nothing
 *   on macOS does: there such an agent ends with its terminal.
 *
 * SIGINT is not a hangup. A shell without job control ignores it for what runs with `&`; but a CI system that cancels a job
 * sends it to the whole group, so it ends the agent, as SIGTERM does.
 *
 * A `kill -HUP` of an agent without a terminal therefore does nothing; SIGTERM is how to end it.
 */
export function outlivesHangup({ isTerminal, parentStatus }: Start): boolean {
  return !STANDARD_DESCRIPTORS.some(isTerminal) || ignoresHangup(parentStatus ?? '');
}

/** How this process was started. */
export function readStart(): Start {
  return { isTerminal: isatty, parentStatus: statusOf(process.ppid) };
}

function ignoresHangup(status: string): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n;
}

function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // Not Linux, or it is gone already.
    return undefined;
  }
}
