// Named pipes of Windows: what unix sockets are elsewhere, but without a file.
import { randomBytes } from 'node:crypto';
import type { AgentSocket } from '../agent-socket.ts';

const NAME_BYTES = 16;

/**
 * The address of a pipe that nobody can guess or have taken before. Node's pipes can be written to by their own user, the
 * administrators and the system; others may at most open them for reading, and so ask nothing.
 */
export function makePipeAddress(what: string): string {
  return `\\\\.\\pipe\\${makePipeName(what)}`;
}

/** The last part of such an address. */
export function makePipeName(what: string): string {
  return `converge-${what}-${randomBytes(NAME_BYTES).toString('hex')}`;
}

export function makePipeSocket(): AgentSocket {
  return { address: makePipeAddress('ssh-agent'), remove() {} };
}
