// The exit codes of the client programs.

/** Scripts depend on these numbers. */
export const CLIENT_EXIT_CODES = {
  ended: 0,
  /** Not the peer's doing: a busy port (tcptows), a bug. */
  fault: 1,
  bad_arguments: 2,
  unreachable: 3,
  refused: 4,
  host_key_mismatch: 6,
} as const;

export type ClientExitCode = (typeof CLIENT_EXIT_CODES)[keyof typeof CLIENT_EXIT_CODES];
