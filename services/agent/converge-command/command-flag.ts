// The flag of the `converge` command: how the shim in a session calls the agent's own program.

/** The hidden first argument that makes the agent's program run as `converge`. The socket's path follows. */
export const CONVERGE_COMMAND_FLAG = '--session-command';
