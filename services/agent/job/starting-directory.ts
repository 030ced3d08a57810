// The starting directory: where the agent works, also where the job has deleted it before the agent came.

export interface StartingDirectory {
  readonly path: string;
  /** For people, where it is not the one in which the agent was started. */
  readonly note: string | undefined;
}

/** The working directory of this process; where that is gone, the process goes to `last`, and so to a directory that is there. */
export function enterStartingDirectory(last: string): StartingDirectory {
  try {
    return { path: process.cwd(), note: undefined };
  } catch {
    process.chdir(last);
    return { path: last, note: `the directory in which it was started is gone: it works in ${last}` };
  }
}
