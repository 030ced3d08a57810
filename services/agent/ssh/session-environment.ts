// The environment of a session: the job's, what the client sent, and what sshd would add.

/** What `env` requests may bring, per session; sshd has no such limit and a default that accepts nothing. */
export const CLIENT_VARIABLES_MAX = 128;
export const CLIENT_VARIABLE_MAX_BYTES = 32 * 1024;

export interface SessionEnvironment {
  readonly base: Readonly<Record<string, string>>;
  readonly fromClient: ReadonlyMap<string, string>;
  readonly shell: string;
  readonly clientAddress: string;
  /** The client's terminal type, when it has a terminal. */
  readonly terminal: string | undefined;
  readonly agentSocket: string | undefined;
}

/** Whether a variable of the client may be set: a plain name, and small. Whoever is logged in can run `export` as well. */
export function isAcceptable(name: string, value: string): boolean {
  return (
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
    !value.includes('\0') &&
    Buffer.byteLength(name) + Buffer.byteLength(value) <= CLIENT_VARIABLE_MAX_BYTES
  );
}

export function buildEnvironment(session: SessionEnvironment): Record<string, string> {
  const env: Record<string, string> = { ...session.base, ...Object.fromEntries(session.fromClient) };
  env['SHELL'] = session.shell;
  // Both are "address port …"; the port of a client behind relays means nothing here.
  env['SSH_CLIENT'] = `${session.clientAddress} 0 22`;
  env['SSH_CONNECTION'] = `${session.clientAddress} 0 127.0.0.1 22`;
  if (session.terminal !== undefined) env['TERM'] = session.terminal;
  if (session.agentSocket !== undefined) env['SSH_AUTH_SOCK'] = session.agentSocket;
  return env;
}
