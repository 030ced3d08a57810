// Connections from a TCP balancer: what it says in the PROXY protocol of who is behind it is taken off before all else.
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { inRanges } from '../../limits/client-address.ts';
import { addressOfSocket, fixAddress } from './peer-address.ts';
import { readProxyHeader } from './proxy-header.ts';

/** A balancer sends its header with the first packet; one that has not by then, in milliseconds, is none. */
export const PROXY_HEADER_WITHIN_MS = 5_000;

export interface BalancedOptions {
  /** The balancers: addresses, each with a prefix length or without. Others are served as they come. */
  readonly from: readonly string[];
  readonly clock: Clock;
  /** A balancer's connection that began without a whole header was cut. */
  readonly onMalformed: (socket: Socket) => void;
}

/**
 * Lets `server`, HTTP or HTTPS, see connections of balancers from after their header on, as if they were from the address
 * in it. To be called once its own listeners are there, and before it listens. The result cuts those whose header has not
 * come yet, and may be called twice.
 */
export function takeProxyHeaders(server: HttpServer, { from, clock, onMalformed }: BalancedOptions): Cancel {
  const isBalancer = inRanges(from);
  const waiting = new Set<Socket>();
  /** Of TLS connections, which Node makes anew above those that came: the address behind, by the balancer's end. */
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
