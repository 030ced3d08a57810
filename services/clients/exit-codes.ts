// Exit codes of the client programs (design section 4).

export const EXIT_CODES = {
  ended: 0,
  /** Not the peer's doing: a busy port (tcptows), a bug. */
  fault: 1,
  bad_arguments: 2,
  unreachable: 3,
  refused: 4,
  host_key_mismatch: 6,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
