// The exit codes of the agent.

/** Scripts in CI jobs depend on these numbers. */
export const EXIT_CODES = {
  ENDED: 0,
  BAD_ARGUMENTS: 2,
  UNREACHABLE: 3,
  REFUSED: 4,
  VERSION: 5,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** One line each, for the help. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  ENDED: 'ended as designed: the clients left, or the time was over',
  BAD_ARGUMENTS: 'bad arguments',
  UNREACHABLE: 'the relay cannot be reached',
  REFUSED: 'the relay refused: the ID is taken, or access is denied',
  VERSION: 'the relay does not speak the version of this agent',
};
