// The process group behind three pipes: how it is told things, and how it is let go.
import type { PipedProcess } from '../platform/programs.ts';
import { signalGroup } from './spawn.ts';

/** The leader of a group, and this end of its pipes. */
export type PipedLeader = Pick<PipedProcess, 'pid' | 'stdin' | 'stdout' | 'stderr'>;

/**
 * As in sshd, a program that nobody listens to any more goes on, and learns of it by its descriptors: input ends, and writing
 * gives SIGPIPE.
 */
export function groupOn(leader: PipedLeader): PipedProcess {
  const { pid, stdin, stdout, stderr } = leader;
  return {
    ...leader,
    signal(signal) {
      signalGroup(pid, signal);
    },
    end() {
      signalGroup(pid, 'SIGHUP');
      stdin.destroy();
    },
    abandon() {
      stdout.destroy();
      stderr.destroy();
    },
  };
}
