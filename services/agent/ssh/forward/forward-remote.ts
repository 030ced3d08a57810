// Remote forwarding (-R): this side listens, the client gets a channel per connection. RFC 4254 section 7.1, OpenSSH PROTOCOL 2.4.
import type { EventEmitter } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { ServerChannel } from 'ssh2';
import type { ForwardStreams } from './forward-context.ts';

/** How many ports and sockets one connection may listen on. */
export const MAX_REMOTE_LISTENERS_PER_CONNECTION = 32;
/** New unix sockets are for their owner only, like sshd's StreamLocalBindMask 0177. */
const SOCKET_UMASK = 0o177;

interface TcpRequest {
  readonly bindAddr: string;
  readonly bindPort: number;
}

interface SocketRequest {
  readonly socketPath: string;
}

type Accept = ((port?: number) => void) | undefined;
type Reject = (() => void) | undefined;
type OpenChannel = (
  socket: Socket,
  opened: (error: Error | undefined, channel: ServerChannel) => void,
) => void;

/** The address that the client chose (sshd's GatewayPorts clientspecified); if it chose none, only this machine gets in. */
export function listenAddressOf(bindAddr: string): string | undefined {
  switch (bindAddr) {
    case '':
    case '*':
      return undefined; // every address
    case 'localhost':
      return '127.0.0.1';
    default:
      return bindAddr;
  }
}

/** Lets the client listen here. Returns its stop, which closes the listeners and leaves open streams alone. */
export function serveRemoteForwards(streams: ForwardStreams): () => void {
  const { connection, allowed, log } = streams.context;
  /** By the name that the client uses to cancel one. */
  const listeners = new Map<string, Server>();
  /** All of those, and the ones whose address is still being looked up. */
  const servers = new Set<Server>();

  function listen(
    key: (port: number) => string,
    where: ListenOptions,
    open: OpenChannel,
    accept: Accept,
    reject: Reject,
  ): void {
    const fields = { address: where.host ?? where.path ?? '*', port: where.port };
    const refuse = (reason: string): void => {
      log('forward refused', { ...fields, reason });
      reject?.();
    };
    if (!allowed) return refuse('forwarding is off');
    if (servers.size >= MAX_REMOTE_LISTENERS_PER_CONNECTION) return refuse('too many listeners');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    servers.add(server);
    const fail = (error: Error): void => {
      servers.delete(server);
      refuse(error.message);
    };
    server.once('error', fail);
    server.once('listening', () => {
      if (!servers.has(server)) {
        server.close(); // the connection has ended meanwhile
        return;
      }
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.removeAllListeners('error');
      server.on('error', () => {}); // a failed accept (too many descriptors) is the next connection's trouble
      listeners.set(key(port), server);
      log('forward listening', { ...fields, port });
      streams.context.onServed();
      accept?.(port);
    });
    server.on('connection', (socket) => {
      offer(socket, open);
    });
    // Node binds a path synchronously, so the mask holds for this socket and nothing else.
    const mask = where.path === undefined ? undefined : process.umask(SOCKET_UMASK);
    try {
      server.listen(where);
    } catch (error) {
      fail(error as Error); // an address that can be none
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  }

  function offer(socket: Socket, open: OpenChannel): void {
    const place = streams.reserve();
    socket.on('error', () => {}); // 'close' follows
    if (place !== 'reserved') {
      log('forward refused', { reason: place });
      socket.destroy();
      return;
    }
    open(socket, streams.awaitChannel(socket));
  }

  function cancel(key: string, accept: Accept, reject: Reject): void {
    const server = listeners.get(key);
    if (server === undefined) {
      reject?.();
      return;
    }
    listeners.delete(key);
    servers.delete(server);
    server.close(); // open streams go on
    accept?.();
  }

  function forwardTcp({ bindAddr, bindPort }: TcpRequest, accept: Accept, reject: Reject): void {
    const host = listenAddressOf(bindAddr);
    let bound = bindPort;
    const open: OpenChannel = (socket, opened) => {
      connection.forwardOut(bindAddr, bound, socket.remoteAddress ?? '', socket.remotePort ?? 0, opened);
    };
    const where = host === undefined ? { port: bindPort } : { host, port: bindPort };
    const key = (port: number): string => {
      bound = port;
      return tcpKey(bindAddr, port);
    };
    listen(key, where, open, accept, reject);
  }

  function forwardSocket({ socketPath }: SocketRequest, accept: Accept, reject: Reject): void {
    const open: OpenChannel = (_socket, opened) => {
      connection.openssh_forwardOutStreamLocal(socketPath, opened);
    };
    listen(() => socketPath, { path: socketPath }, open, accept, reject);
  }

  const onRequest = (
    accept: Accept,
    reject: Reject,
    name: string,
    info: TcpRequest & SocketRequest,
  ): void => {
    switch (name) {
      case 'tcpip-forward':
        forwardTcp(info, accept, reject);
        return;
      case 'cancel-tcpip-forward':
        cancel(tcpKey(info.bindAddr, info.bindPort), accept, reject);
        return;
      case 'streamlocal-forward@openssh.com':
        forwardSocket(info, accept, reject);
        return;
      case 'cancel-streamlocal-forward@openssh.com':
        cancel(info.socketPath, accept, reject);
        return;
      default:
        reject?.();
    }
  };
  // @types/ssh2 has one overload per name, ssh2 has one event.
  (connection as EventEmitter).on('request', onRequest);

  return () => {
    for (const server of servers) server.close();
    servers.clear();
    listeners.clear();
  };
}

function tcpKey(address: string, port: number): string {
  return `${address} ${port}`;
}
