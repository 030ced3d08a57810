// Remote forwarding (-R): this side listens, the client gets a channel per connection. RFC 4254 section 7.1, OpenSSH PROTOCOL 2.4.
import type { EventEmitter } from 'node:events';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Connection, ServerChannel } from 'ssh2';
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
type ChannelOpened = (error: Error | undefined, channel: ServerChannel) => void;

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
  const { connection } = streams.context;
  const listeners = new RemoteListeners(streams);
  const onRequest = (
    accept: Accept,
    reject: Reject,
    name: string,
    info: TcpRequest & SocketRequest,
  ): void => {
    switch (name) {
      case 'tcpip-forward':
        return listeners.listen(tcpPlace(connection, info), accept, reject);
      case 'cancel-tcpip-forward':
        return listeners.cancel(tcpKey(info.bindAddr, info.bindPort), accept, reject);
      case 'streamlocal-forward@openssh.com':
        return listeners.listen(socketPlace(connection, info), accept, reject);
      case 'cancel-streamlocal-forward@openssh.com':
        return listeners.cancel(info.socketPath, accept, reject);
      default:
        reject?.();
    }
  };
  // @types/ssh2 has one overload per name, ssh2 has one event.
  (connection as EventEmitter).on('request', onRequest);
  return () => listeners.close();
}

/** Where the client wants this side to listen. */
interface Place {
  readonly where: ListenOptions;
  /** The name that the client will use to cancel it, once the port is known. */
  readonly keyAt: (port: number) => string;
  /** Asks the client for the channel of a connection that came to `port`. */
  readonly open: (port: number, socket: Socket, opened: ChannelOpened) => void;
}

function tcpPlace(connection: Connection, { bindAddr, bindPort }: TcpRequest): Place {
  const host = listenAddressOf(bindAddr);
  return {
    where: host === undefined ? { port: bindPort } : { host, port: bindPort },
    keyAt: (port) => tcpKey(bindAddr, port),
    open(port, { remoteAddress = '', remotePort = 0 }, opened) {
      connection.forwardOut(bindAddr, port, remoteAddress, remotePort, opened);
    },
  };
}

function socketPlace(connection: Connection, { socketPath }: SocketRequest): Place {
  return {
    where: { path: socketPath },
    keyAt: () => socketPath,
    open(_port, _socket, opened) {
      connection.openssh_forwardOutStreamLocal(socketPath, opened);
    },
  };
}

class RemoteListeners {
  readonly #streams: ForwardStreams;
  /** By the name that the client uses to cancel one. */
  readonly #listening = new Map<string, Server>();
  /** All of those, and the ones whose address is still being looked up. */
  readonly #servers: Set<Server>;

  constructor(streams: ForwardStreams) {
    this.#streams = streams;
    this.#servers = streams.listeners;
  }

  listen(place: Place, accept: Accept, reject: Reject): void {
    const { allowed, log, onAsked, onServed } = this.#streams.context;
    const { where } = place;
    const { host = '*', port, path } = where;
    onAsked({ direction: 'remote', ...(path === undefined ? { host, port } : { path }) });
    const fields = { address: where.host ?? where.path ?? '*', port: where.port };
    const refuse = (reason: string): void => {
      log('forward refused', { ...fields, reason });
      reject?.();
    };
    if (allowed.ports !== 'allowed') return refuse(allowed.ports);
    if (this.#servers.size >= MAX_REMOTE_LISTENERS_PER_CONNECTION) return refuse('too many listeners');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    this.#servers.add(server);
    const fail = (error: Error): void => {
      this.#servers.delete(server);
      refuse(error.message);
    };
    server.once('error', fail);
    server.once('listening', () => {
      if (!this.#servers.has(server)) {
        server.close(); // the connection has ended meanwhile
        return;
      }
      const port = portOf(server);
      server.removeAllListeners('error');
      server.on('error', () => {}); // a failed accept (too many descriptors) is the next connection's trouble
      server.on('connection', (socket) => this.#offer(socket, port, place));
      this.#listening.set(place.keyAt(port), server);
      log('forward listening', { ...fields, port });
      onServed();
      accept?.(port);
    });
    try {
      bind(server, where);
    } catch (error) {
      fail(error as Error); // an address that can be none
    }
  }

  cancel(key: string, accept: Accept, reject: Reject): void {
    const server = this.#listening.get(key);
    if (server === undefined) {
      reject?.();
      return;
    }
    this.#listening.delete(key);
    this.#servers.delete(server);
    server.close(); // open streams go on
    accept?.();
  }

  close(): void {
    for (const server of this.#servers) server.close();
    this.#servers.clear();
    this.#listening.clear();
  }

  #offer(socket: Socket, port: number, { open }: Place): void {
    const reserved = this.#streams.reserve('ports');
    socket.on('error', () => {}); // 'close' follows
    if (reserved !== 'reserved') {
      this.#streams.context.log('forward refused', { reason: reserved });
      socket.destroy();
      return;
    }
    open(port, socket, this.#streams.awaitChannel(socket));
  }
}

/** Node binds a path synchronously, so the mask holds for this socket and nothing else. */
function bind(server: Server, where: ListenOptions): void {
  const mask = where.path === undefined ? undefined : process.umask(SOCKET_UMASK);
  try {
    server.listen(where);
  } finally {
    if (mask !== undefined) process.umask(mask);
  }
}

/** 0 of a unix socket. */
function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function tcpKey(address: string, port: number): string {
  return `${address} ${port}`;
}
