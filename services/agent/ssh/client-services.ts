// The services of a client that is logged in: its session channels and what is forwarded for it.
import type { Connection } from 'ssh2';
import type { TransportGate } from './channel/transport-gate.ts';
import { AgentForwarding } from './forward/agent-forwarding.ts';
import { ForwardStreams } from './forward/forward-context.ts';
import { serveLocalForwards } from './forward/forward-local.ts';
import { serveRemoteForwards } from './forward/forward-remote.ts';
import { SessionChannel } from './session-channel.ts';
import type { SshServerOptions } from './ssh-options.ts';

/** Session channels of one connection; an IDE or a ControlMaster opens a handful. sshd's default is 10. */
export const MAX_SESSION_CHANNELS_PER_CONNECTION = 64;

export interface ClientServicesOptions {
  readonly connection: Connection;
  readonly gate: TransportGate;
  readonly server: SshServerOptions;
  readonly clientId: string;
  readonly clientAddress: string;
  /** True once no further session channel is to be opened. */
  readonly isStopping: () => boolean;
  /** A program, sftp or a forward runs. */
  readonly onServed: () => void;
  /** A session channel has closed. */
  readonly onChannelClosed: () => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** Begins with its construction. */
export class ClientServices {
  readonly #options: ClientServicesOptions;
  readonly #agentForwarding: AgentForwarding;
  readonly #channels = new Set<SessionChannel>();
  readonly #stops: readonly (() => void)[];
  #opened = 0;

  constructor(options: ClientServicesOptions) {
    const { clientId, connection, gate, server, onServed, log } = options;
    this.#options = options;
    const streams = new ForwardStreams({
      connection,
      gate,
      clock: server.clock,
      isAllowed: server.forwarding,
      onActivity: () => {
        server.events.activity();
      },
      onServed,
      onAsked: (asked) => {
        server.events.asked?.forward({ clientId, isAllowed: server.forwarding, ...asked });
      },
      log,
    });
    this.#agentForwarding = new AgentForwarding(streams);
    this.#stops = [
      serveLocalForwards(streams),
      serveRemoteForwards(streams),
      () => {
        streams.stop();
      },
      () => {
        this.#agentForwarding.stop();
      },
    ];
    connection.on('session', (accept, reject) => {
      if (options.isStopping() || this.#channels.size >= MAX_SESSION_CHANNELS_PER_CONNECTION) {
        log('session refused', { sessions: this.#channels.size });
        reject();
        return;
      }
      this.#open(accept);
    });
  }

  /** How many session channels are open. */
  get channels(): number {
    return this.#channels.size;
  }

  /** Shows text at every terminal. */
  notify(text: string): void {
    for (const channel of this.#channels) channel.notify(text);
  }

  /** Ends every session channel from this side, with a farewell at its terminal. May be called twice. */
  close(farewell: string): void {
    for (const channel of this.#channels) channel.close(farewell);
  }

  /** The connection is gone. May be called twice. */
  hangUp(): void {
    for (const channel of this.#channels) channel.hangUp();
    for (const stop of this.#stops) stop();
  }

  #open(accept: () => ConstructorParameters<typeof SessionChannel>[0]): void {
    const { connection, gate, server, clientId, clientAddress, log, onServed, onChannelClosed } =
      this.#options;
    this.#opened += 1;
    const channel = new SessionChannel(accept(), {
      connection,
      gate,
      options: server,
      clientId,
      clientAddress,
      number: this.#opened,
      agentForwarding: this.#agentForwarding,
      log,
      onServed,
      onClosed: () => {
        this.#channels.delete(channel);
        onChannelClosed();
      },
    });
    this.#channels.add(channel);
  }
}
