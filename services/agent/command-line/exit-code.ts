// The exit codes of the agent.

/** Scripts in CI jobs depend on these numbers. */
export const AGENT_EXIT_CODES = {
  ended: 0,
  bad_arguments: 2,
  unreachable: 3,
  refused: 4,
  version: 5,
} as const;

/** An agent that lost its ID to another ends like one that never got it: refused. */
export function exitCodeFor(kind: 'unreachable' | 'refused' | 'usurped' | 'version'): AgentExitCode {
  return AGENT_EXIT_CODES[kind === 'usurped' ? 'refused' : kind];
}

/** The word for an end that was not as designed, by its exit code. */
export function failureOf(code: number): 'unreachable' | 'refused' | 'version' | 'fault' {
  const failures = ['unreachable', 'refused', 'version'] as const;
  return failures.find((failure) => AGENT_EXIT_CODES[failure] === code) ?? 'fault';
}

export type AgentExitCode = (typeof AGENT_EXIT_CODES)[keyof typeof AGENT_EXIT_CODES];

/** One line each, for the help. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof AGENT_EXIT_CODES, string>> = {
  ended: 'ended as designed: the clients left, or the time was over',
  bad_arguments: 'bad arguments',
  unreachable: 'the relay cannot be reached',
  refused: 'the relay refused: ID taken, access denied, or ended by an operator',
  version: 'the relay does not speak the version of this agent',
};
