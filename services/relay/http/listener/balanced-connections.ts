// Connections from a TCP balancer begin with a PROXY header, which names the client behind it. It is taken off first.
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { inRanges } from '../../limits/client-address.ts';
import { addressOfSocket, fixAddress } from './peer-address.ts';
import { readProxyHeader } from './proxy-header.ts';

/** How long a balancer's header may take, in milliseconds: a balancer sends it with its first packet. */
export const PROXY_HEADER_WITHIN_MS = 5_000;

export interface BalancedOptions {
  /** The balancers: addresses and ranges. Connections from elsewhere have no header. */
  readonly from: readonly string[];
  readonly clock: Clock;
  /** A balancer's connection that began without a whole header was cut. */
  readonly onMalformed: (socket: Socket) => void;
}

/**
 * Takes the header off each connection of a balancer before `server` (HTTP or HTTPS) sees it; the connection then has the
 * address that the header names. To be called when the server's own listeners are there, and before it listens. The
 * result cuts connections whose header has not come yet, and may be called twice.
 */
export function takeProxyHeaders(server: HttpServer, { from, clock, onMalformed }: BalancedOptions): Cancel {
  const isBalancer = inRanges(from);
  const waiting = new Set<Socket>();
  /** The address behind, by the balancer's end: Node makes a new socket for TLS, and its address is looked up here. */
  const behind = new Map<string, string>();
  const serve = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const end = endOf(socket);
    if (!isBalancer(addressOfSocket(socket))) return pass(socket);
    waiting.add(socket);
    readHeader(socket, clock, (outcome) => {
      waiting.delete(socket);
      if (outcome.kind === 'gone') return void socket.destroy();
      if (outcome.kind === 'malformed') {
        socket.destroy();
        return onMalformed(socket);
      }
      const { source } = outcome;
      if (source !== undefined) {
        fixAddress(socket, source);
        behind.set(end, source);
        socket.once('close', () => behind.delete(end));
      }
      pass(socket);
    });
  });
  const fixSecure = (socket: Socket): void => {
    const source = behind.get(endOf(socket));
    if (source !== undefined) fixAddress(socket, source);
  };
  server.prependListener('secureConnection', fixSecure);
  server.prependListener('tlsClientError', (_error: Error, socket: Socket) => {
    fixSecure(socket);
  });

  function pass(socket: Socket): void {
    for (const listener of serve) listener.call(server, socket);
  }

  return () => {
    for (const socket of waiting) socket.destroy();
  };
}

type Outcome =
  | { readonly kind: 'read'; readonly source: string | undefined }
  | { readonly kind: 'malformed' }
  /** It has left, as a balancer does that only looks whether somebody is there. */
  | { readonly kind: 'gone' };

/** Takes the header off the front of `socket`, and nothing else. Calls `settle` once. */
function readHeader(socket: Socket, clock: Clock, settle: (outcome: Outcome) => void): void {
  let seen = Buffer.alloc(0);
  const finish = (outcome: Outcome): void => {
    cancel();
    socket.off('readable', read);
    socket.off('error', leave);
    socket.off('end', leave);
    socket.off('close', leave);
    settle(outcome);
  };
  const leave = (): void => {
    finish(GONE);
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const header = readProxyHeader(seen);
    if (header.kind === 'incomplete') return;
    if (header.kind === 'malformed') return finish(header);
    const rest = seen.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    finish({ kind: 'read', source: header.source });
  };
  const cancel = clock.after(PROXY_HEADER_WITHIN_MS, () => {
    finish(MALFORMED);
  });
  socket.on('readable', read);
  socket.on('error', leave);
  socket.on('end', leave);
  socket.on('close', leave);
}

/** A connection's far end, which no other open connection to the same port has. */
function endOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

const GONE: Outcome = { kind: 'gone' };
const MALFORMED: Outcome = { kind: 'malformed' };
