// Agent forwarding (ssh -A): a unix socket here whose every connection reaches the client's ssh-agent.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { temporaryFolders } from '#shared/machine/temporary-folders.ts';
import { faultText } from '#shared/text/fault-text.ts';
import { openAgentChannel } from '../ssh2/agent-channel.ts';
import type { ForwardStreams } from './forward-context.ts';

type State =
  | { readonly kind: 'off' }
  | { readonly kind: 'on'; readonly folder: string; readonly socketPath: string; readonly server: Server };

/** The agent socket of one connection: made on the first request, shared by its session channels, gone with it. */
export class AgentForwarding {
  readonly #streams: ForwardStreams;
  #state: State = { kind: 'off' };

  constructor(streams: ForwardStreams) {
    this.#streams = streams;
  }

  /** SSH_AUTH_SOCK for the programs that start from now on. */
  get socketPath(): string | undefined {
    return this.#state.kind === 'on' ? this.#state.socketPath : undefined;
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
    rmSync(this.#state.folder, { recursive: true, force: true });
    this.#state = { kind: 'off' };
  }

  #listen(): State {
    const faults: string[] = [];
    for (const parent of temporaryFolders(tmpdir())) {
      try {
        return this.#listenIn(parent);
      } catch (error) {
        faults.push(`${parent}: ${faultText(error)}`);
      }
    }
    throw new Error(faults.join('; '));
  }

  #listenIn(parent: string): State {
    const { connection, log } = this.#streams.context;
    const folder = mkdtempSync(path.join(parent, 'converge-ssh-')); // 0700: only this user reaches the socket
    const socketPath = path.join(folder, 'agent');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.on('error', (error) => {
      if (server.listening) log('agent forwarding failed', { error: error.message });
    });
    server.on('connection', (socket) => {
      socket.on('error', () => {}); // 'close' follows
      if (this.#streams.reserve('agent') !== 'reserved') {
        socket.destroy();
        return;
      }
      openAgentChannel(connection, this.#streams.awaitChannel(socket));
    });
    server.listen(socketPath); // bound when this returns: the session that follows may use it
    if (!server.listening) {
      // The reason comes as an event, too late for the next place.
      rmSync(folder, { recursive: true, force: true });
      throw new Error('takes no socket');
    }
    return { kind: 'on', folder, socketPath, server };
  }
}
