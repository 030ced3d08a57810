// Where a session starts, and whether its shell can be run at all.
import { accessSync, constants, statSync } from 'node:fs';

export interface WorkingDirectory {
  readonly path: string;
  /** What to tell the person when it is not the wanted one. */
  readonly note: string | undefined;
}

/** `wanted`, or `/` when it is gone or closed: jobs delete their workspace, and a shell is wanted most then. */
export function resolveWorkingDirectory(wanted: string): WorkingDirectory {
  const problem = problemOf(() => {
    if (!statSync(wanted).isDirectory()) throw new Error('not a directory');
    accessSync(wanted, constants.X_OK);
  });
  if (problem === undefined) return { path: wanted, note: undefined };
  return { path: '/', note: `converge: cannot enter ${wanted} (${problem}), starting in /\n` };
}

/** Why a shell cannot be run, or undefined when it can. */
export function shellProblem(shell: string): string | undefined {
  const problem = problemOf(() => {
    if (statSync(shell).isDirectory()) throw new Error('is a directory');
    accessSync(shell, constants.X_OK);
  });
  return problem === undefined ? undefined : `converge: cannot run ${shell}: ${problem}\n`;
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
