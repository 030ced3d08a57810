// The environment of a program: the job's, what the client sent, and what sshd would add.
import { readAddress } from '#shared/protocol/address.ts';
import type { Account } from './account.ts';

/** At most this many `env` requests are taken per session channel. sshd has no such limit, but accepts none by default. */
export const MAX_CLIENT_VARIABLES = 128;
/** The longest variable of a client: its name and its value, in bytes. */
export const MAX_CLIENT_VARIABLE_BYTES = 32 * 1024;

/** Values are text, or bytes that are not text. */
export type ProgramVariables = ReadonlyMap<string, string | Buffer>;

/** Variables that the job may have from a terminal or SSH session of its own, and that would be wrong here. */
const FOREIGN_VARIABLES = ['TERM', 'SSH_TTY', 'SSH_ORIGINAL_COMMAND'];

export interface ProgramEnvironment {
  readonly base: Readonly<Record<string, string | Buffer>>;
  readonly fromClient: ReadonlyMap<string, Buffer>;
  readonly account: Account;
  readonly shell: string;
  readonly clientAddress: string;
  /** The client's terminal type, when it has a terminal. */
  readonly terminal: Buffer | undefined;
  readonly agentSocket: string | undefined;
  /** What the client asked for, where something else is run. */
  readonly originalCommand?: Buffer | undefined;
}

/** Whether a client may set this variable: a plain name and a small value. It could run `export` as well. */
export function isAcceptable(name: string, value: Buffer): boolean {
  return (
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
    !value.includes(0) &&
    Buffer.byteLength(name) + value.length <= MAX_CLIENT_VARIABLE_BYTES
  );
}

/** What the program gets: later parts win, and sshd's own variables win over all. */
export function buildEnvironment(parts: ProgramEnvironment): ProgramVariables {
  const { account } = parts;
  // OpenSSH's servers say so where they have no address.
  const clientAddress = readAddress(parts.clientAddress) ?? 'UNKNOWN';
  const env = new Map<string, string | Buffer>(Object.entries(parts.base));
  for (const name of FOREIGN_VARIABLES) env.delete(name);
  if (!env.has('HOME')) env.set('HOME', account.home);
  for (const [name, value] of parts.fromClient) env.set(name, value);
  env.set('USER', account.name);
  env.set('LOGNAME', account.name);
  env.set('SHELL', parts.shell);
  // Both are "address port …"; the port of a client behind relays means nothing here.
  env.set('SSH_CLIENT', `${clientAddress} 0 22`);
  env.set('SSH_CONNECTION', `${clientAddress} 0 127.0.0.1 22`);
  if (parts.terminal !== undefined) env.set('TERM', beforeZero(parts.terminal));
  if (parts.agentSocket !== undefined) env.set('SSH_AUTH_SOCK', parts.agentSocket);
  if (parts.originalCommand !== undefined) env.set('SSH_ORIGINAL_COMMAND', beforeZero(parts.originalCommand));
  return env;
}

/**
 * What a system with C's strings would see. Where the environment is one block, as on Windows, another variable would begin after a
 * zero, past everything that says which ones a client may set.
 */
export function beforeZero(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}
