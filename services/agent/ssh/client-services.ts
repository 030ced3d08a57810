// The services of a client that is logged in: its session channels and what is forwarded for it.
import type { Connection } from 'ssh2';
import type { TransportGate } from './channel/transport-gate.ts';
import { AgentForwarding } from './forward/agent-forwarding.ts';
import { type ForwardAllowance, ForwardStreams } from './forward/forward-context.ts';
import { serveLocalForwards } from './forward/forward-local.ts';
import { serveRemoteForwards } from './forward/forward-remote.ts';
import { type Occupation, occupationFrom } from './occupation.ts';
import type { Rights } from './rights.ts';
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
  readonly rights: Rights;
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
  readonly #streams: ForwardStreams;
  readonly #agentForwarding: AgentForwarding;
  readonly #channels = new Set<SessionChannel>();
  readonly #stops: readonly (() => void)[];
  #opened = 0;

  constructor(options: ClientServicesOptions) {
    const { clientId, connection, gate, server, rights, onServed, log } = options;
    this.#options = options;
    const allowed = {
      ports: allowanceOf(server.forwarding, rights.portForwarding),
      agent: allowanceOf(server.forwarding, rights.agentForwarding),
    };
    const streams = new ForwardStreams({
      connection,
      gate,
      clock: server.clock,
      allowed,
      onActivity: () => {
        server.events.activity();
      },
      onServed,
      onAsked: (asked) => {
        const allowance = asked.direction === 'ssh_agent' ? allowed.agent : allowed.ports;
        server.events.asked?.forward({ clientId, isAllowed: allowance === 'allowed', ...asked });
      },
      log,
    });
    this.#streams = streams;
    this.#agentForwarding = new AgentForwarding(streams, () => server.platform.makeAgentSocket());
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

  get occupation(): Occupation {
    const running = [...this.#channels].flatMap((channel) => channel.running ?? []);
    return occupationFrom(running, this.#streams.count);
  }

  /** Shows text at every terminal. */
  notify(text: string): void {
    for (const channel of this.#channels) channel.notify(text);
  }

  /** Shows text in every interactive shell on a terminal. */
  notifyShells(text: string): void {
    for (const channel of this.#channels) if (channel.running === 'shell') channel.notify(text);
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
    const { connection, gate, server, clientId, clientAddress, rights, log, onServed, onChannelClosed } =
      this.#options;
    this.#opened += 1;
    const channel = new SessionChannel(accept(), {
      connection,
      gate,
      options: server,
      clientId,
      clientAddress,
      number: this.#opened,
      rights,
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

function allowanceOf(isOn: boolean, isPermitted: boolean): ForwardAllowance {
  if (!isOn) return 'forwarding is off';
  return isPermitted ? 'allowed' : 'the certificate does not permit it';
}
