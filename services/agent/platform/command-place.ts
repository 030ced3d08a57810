// The place of the `converge` command: the files by which a session calls it, and the socket where it is answered.

/** A file that is put where PATH finds it. */
export interface Shim {
  readonly name: string;
  readonly text: string;
}

export interface CommandPlace {
  /** Where to make the private folder, after the directory that the job prefers. */
  readonly fallbacks: readonly string[];
  /** Whether a link to the agent's own program, in the place of the first file, is as good where nothing else may run. */
  readonly takesLinks?: true;
  /** What makes a folder the wrong parent, whatever is in it; undefined if nothing does. */
  unfitness(parent: string): string | undefined;
  /** The address of the socket of a private folder, for `listen` and `connect`. Another one at each call may be another. */
  socketFor(folder: string): string;
  /** The files, the one that people call first. `program` are the words that start it, by whole paths. */
  shims(program: readonly string[]): readonly [Shim, ...Shim[]];
  /** PATH with a folder in front. */
  pathWith(folder: string, path: string | undefined): string;
  /**
   * The variables by which shells find completions in `folder`, after all others; `directories` are those that they had. Left out
   * where shells have none.
   */
  completionEnv?(folder: string, directories: string | undefined): Readonly<Record<string, string>>;
}
