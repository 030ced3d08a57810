// Where a program starts, and what is reported when its shell does not.
import { accessSync, constants, statSync } from 'node:fs';

export interface WorkingDirectory {
  readonly path: string;
  /** What to show the person when it is not the wanted one. */
  readonly note: string | undefined;
}

/** `wanted`, or `last` if that is gone or closed: jobs delete their workspace, and that is when people need a shell most. */
export function resolveWorkingDirectory(wanted: string, last: string): WorkingDirectory {
  const problem = problemOf(() => {
    if (!statSync(wanted).isDirectory()) throw new Error('not a directory');
    accessSync(wanted, constants.X_OK);
  });
  if (problem === undefined) return { path: wanted, note: undefined };
  return { path: last, note: `converge: cannot enter ${wanted} (${problem}), starting in ${last}\n` };
}

/** What to show the person when a shell was not started. */
export function cannotRun(shell: string, reason: Error): string {
  return `converge: cannot run ${shell}: ${reason.message}\n`;
}

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT':
      case 'ENOTDIR':
        return 'no such file or directory';
      case 'EACCES':
        return 'permission denied';
      default:
        return (error as Error).message;
    }
  }
}
