// The address at the other end of a connection, as the log and the limits know it.
import type { Socket } from 'node:net';
import { NO_ADDRESS, readAddress } from '#shared/protocol/address.ts';

/** An IP address in its one form (`readAddress`); NO_ADDRESS for a peer that was gone before it could be asked for. */
export function addressOfSocket(socket: Socket): string {
  return readAddress(socket.remoteAddress) ?? NO_ADDRESS;
}

/** Connections whose address a balancer passed on. */
const told = new WeakSet<Socket>();

/** True if a balancer passed on the address of `socket`: it is the address of a client, and not of whatever connects. */
export function isToldByBalancer(socket: Socket): boolean {
  return told.has(socket);
}

/**
 * Keeps the address of a connection: Node forgets it when the peer goes, and the log asks for it after that too.
 * `behind` is given where the connection comes from a balancer that says who is behind it.
 */
export function fixAddress(socket: Socket, behind?: string): void {
  const value = behind ?? addressOfSocket(socket);
  if (behind !== undefined) told.add(socket);
  Object.defineProperty(socket, 'remoteAddress', { value, configurable: true, enumerable: true });
}
