// What every kind of forwarding of one connection shares: its connection, its limits, its open streams.
import type { Server, Socket } from 'node:net';
import type { Connection, RejectConnection, ServerChannel } from 'ssh2';
import type { Clock } from '#shared/time/clock.ts';
import type { TransportGate } from '../channel/transport-gate.ts';
import { OPEN_FAILURE, refuseOpen } from '../ssh2/open-failure.ts';
import { type ForwardStream, joinForward } from './forward-stream.ts';

/** A browser behind -D opens dozens. A loop that forgets to close must not take every descriptor of the agent. */
export const MAX_FORWARDED_STREAMS_PER_CONNECTION = 256;

/**
 * How long a client may take to open or refuse a channel that it is asked for, in milliseconds: as long as a key exchange may
 * take (EXCHANGE_GRACE_MS), because it cannot answer during one.
 */
export const OPEN_ANSWER_TIMEOUT_MS = 900_000;

/** Whether something may be forwarded, or why not. */
export type ForwardAllowance = 'allowed' | 'forwarding is off' | 'the certificate does not permit it';

/** A forward that a client asks for. */
export interface ForwardAsk {
  /** `local`: the client reaches something from here; `remote`: something here reaches the client. */
  readonly direction: 'local' | 'remote' | 'ssh_agent';
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Of a unix socket. */
  readonly path?: string | undefined;
}

export interface ForwardContext {
  readonly connection: Connection;
  readonly gate: TransportGate;
  readonly clock: Clock;
  /** Of ports and unix sockets, and of the ssh-agent. */
  readonly allowed: { readonly ports: ForwardAllowance; readonly agent: ForwardAllowance };
  readonly onActivity: () => void;
  /** A stream is forwarded, or a listener waits for one. */
  readonly onServed: () => void;
  /** A forward is asked for, whether there will be one or not. */
  readonly onAsked: (asked: ForwardAsk) => void;
  readonly log: (event: string, fields: Record<string, unknown>) => void;
}

/** The forwarded streams of one connection. Each is counted from the moment that it is wanted. */
export class ForwardStreams {
  readonly context: ForwardContext;
  /** What listens for the client, and whoever opened it closes. */
  readonly listeners = new Set<Server>();
  readonly #open = new Set<ForwardStream>();
  #reserved = 0;

  constructor(context: ForwardContext) {
    this.context = context;
  }

  /** Forwarded streams and listeners. */
  get count(): number {
    return this.#open.size + this.listeners.size;
  }

  /** Takes a place, or says why there is none. Whoever got one calls `join` or `giveUp`. */
  reserve(
    what: keyof ForwardContext['allowed'],
  ): 'reserved' | Exclude<ForwardAllowance, 'allowed'> | 'too many forwarded streams' {
    const allowance = this.context.allowed[what];
    if (allowance !== 'allowed') return allowance;
    if (this.#reserved >= MAX_FORWARDED_STREAMS_PER_CONNECTION) return 'too many forwarded streams';
    this.#reserved++;
    return 'reserved';
  }

  giveUp(): void {
    this.#reserved--;
  }

  /**
   * For a socket with a place, whose channel the client is asked to open. What is returned takes the client's answer and joins
   * the two or gives up; without an answer in time it gives up on its own.
   */
  awaitChannel(socket: Socket): (error: Error | undefined, channel: ServerChannel) => void {
    const { clock, log } = this.context;
    const refuse = (reason: string): void => {
      log('forward refused', { reason });
      this.giveUp();
      socket.destroy();
    };
    let isLate = false;
    const cancel = clock.after(OPEN_ANSWER_TIMEOUT_MS, () => {
      isLate = true;
      refuse('the client does not answer');
    });
    return (error, channel) => {
      cancel();
      if (error !== undefined) {
        if (!isLate) refuse(error.message);
        return;
      }
      if (isLate) channel.resume().end();
      else this.join(socket, channel);
    };
  }

  join(socket: Socket, channel: ServerChannel): void {
    const { gate, clock, onActivity, onServed } = this.context;
    onServed();
    const stream = joinForward({
      socket,
      channel,
      gate,
      clock,
      onActivity,
      onEnded: () => {
        this.#open.delete(stream);
        this.#reserved--;
      },
    });
    this.#open.add(stream);
  }

  /** Refuses a channel of the client with a reason that it prints, and logs it. */
  refuse(reject: RejectConnection, why: string, fields: Record<string, unknown>): void {
    const { ADMINISTRATIVELY_PROHIBITED, RESOURCE_SHORTAGE } = OPEN_FAILURE;
    const isAllowed = this.context.allowed.ports === 'allowed';
    const reason = isAllowed ? RESOURCE_SHORTAGE : ADMINISTRATIVELY_PROHIBITED;
    this.context.log('forward refused', { ...fields, reason: why });
    refuseOpen(this.context.connection, reject, reason, why);
  }

  /** Closes every stream. May be called twice. */
  stop(): void {
    for (const stream of this.#open) stream.stop();
  }
}
