// The exit codes of the agent.

/** Scripts in CI jobs depend on these numbers. */
export const EXIT_CODES = {
  ended: 0,
  bad_arguments: 2,
  unreachable: 3,
  refused: 4,
  version: 5,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** One line each, for the help. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  ended: 'ended as designed: the clients left, or the time was over',
  bad_arguments: 'bad arguments',
  unreachable: 'the relay cannot be reached',
  refused: 'the relay refused: the ID is taken, or access is denied',
  version: 'the relay does not speak the version of this agent',
};
