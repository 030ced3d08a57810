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
 * Whether a hangup is to be ignored, as `nohup` and `trap '' HUP` ask for. Node sets every signal that it inherits
 * as ignored back to its default before any of this runs (`PlatformInit` in its src/node.cc), so what was asked for has to
 * be told from what else it leaves behind:
 *
 * - `nohup` puts something else in place of every standard descriptor that is a terminal. An agent without one of its
 *   own has none to lose: whatever shell sends SIGHUP to all its children on its way out does not mean it.
 * - A shell that was told to ignore it still does, and shows it.
 *
 * SIGINT is no hangup: a shell without job control ignores it for what runs with `&`, and CI systems say with it that the
 * job was cancelled, to the whole group. Then the agent has to end, so it does, as with SIGTERM.
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
