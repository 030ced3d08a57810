// The environment of a process as a value: read in main.ts, passed to whoever needs it.

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;
