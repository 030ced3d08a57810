// Agent forwarding (ssh -A): a socket here whose every connection reaches the client's ssh-agent.
import { createServer, type Server } from 'node:net';
import type { AgentSocket } from '../../platform/agent-socket.ts';
import { openAgentChannel } from '../ssh2/agent-channel.ts';
import type { ForwardStreams } from './forward-context.ts';

type State =
  | { readonly kind: 'off' }
  | { readonly kind: 'on'; readonly socket: AgentSocket; readonly server: Server };

/** The agent socket of one connection: made on the first request, shared by its session channels, gone with it. */
export class AgentForwarding {
  readonly #streams: ForwardStreams;
  readonly #makeSocket: () => AgentSocket;
  #state: State = { kind: 'off' };

  constructor(streams: ForwardStreams, makeSocket: () => AgentSocket) {
    this.#streams = streams;
    this.#makeSocket = makeSocket;
  }

  /** SSH_AUTH_SOCK for the programs that start from now on. */
  get socketPath(): string | undefined {
    return this.#state.kind === 'on' ? this.#state.socket.address : undefined;
  }

  /** Makes the socket if there is none. False: forwarding is off, or there is no place for the socket. */
  start(): boolean {
    const { allowed, log, onAsked } = this.#streams.context;
    if (this.#state.kind === 'on') return true;
    onAsked({ direction: 'ssh_agent' });
    if (allowed.agent !== 'allowed') {
      log('agent forwarding refused', { reason: allowed.agent });
      return false;
    }
    try {
      this.#state = this.#listen();
      return true;
    } catch (error) {
      log('agent forwarding refused', { reason: (error as Error).message });
      return false;
    }
  }

  /** Removes the socket. May be called twice. */
  stop(): void {
    if (this.#state.kind === 'off') return;
    this.#state.server.close();
    this.#state.socket.remove();
    this.#state = { kind: 'off' };
  }

  #listen(): State {
    const { connection, log } = this.#streams.context;
    const socket = this.#makeSocket();
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.on('error', (error) => {
      log('agent forwarding failed', { error: error.message });
    });
    server.on('connection', (asking) => {
      asking.on('error', () => {}); // 'close' follows
      if (this.#streams.reserve('agent') !== 'reserved') {
        asking.destroy();
        return;
      }
      openAgentChannel(connection, this.#streams.awaitChannel(asking));
    });
    server.listen(socket.address); // bound when this returns: the session that follows may use it
    return { kind: 'on', socket, server };
  }
}
