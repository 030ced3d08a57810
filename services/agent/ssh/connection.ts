// One SSH connection: from its stream to its login and its services, and to its end.
import type { Duplex } from 'node:stream';
import type { Connection } from 'ssh2';
import type { Client } from '../crowd/client.ts';
import type { Place } from '../crowd/crowd.ts';
import { LOGIN_GRACE_MS } from '../crowd/login-limits.ts';
import { SIGNATURE_ALGORITHMS } from './algorithms.ts';
import { Authentication } from './authentication.ts';
import { TransportGate } from './channel/transport-gate.ts';
import { ClientServices } from './client-services.ts';
import {
  broken,
  type ConnectionState,
  ended,
  isStopping,
  type LiveConnection,
  loggedIn,
  logoutReasonOf,
  served,
} from './connection-state.ts';
import { KeyExchange } from './key-exchange.ts';
import { occupationFrom } from './occupation.ts';
import { ALL_RIGHTS, type Rights } from './rights.ts';
import type { LoginEvent, PresentClient, SshEnd, SshServerOptions } from './ssh-options.ts';
import { mendConnection } from './ssh2/mend.ts';
import { sayGoodbye } from './ssh2/outbound.ts';
import { speakSsh } from './ssh2-server.ts';

/** In milliseconds: how long the last words may take, and then how long the client may take to hang up. */
const CLOSE_GRACE_MS = 1_000;

/** How far SSH has come on the stream. */
type Progress =
  /** The client has not said its first line, so there is no protocol yet to say goodbye in. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'speaking'; readonly connection: Connection }
  | { readonly kind: 'serving'; readonly connection: Connection; readonly services: ClientServices };

export interface ConnectionOptions {
  readonly duplex: Duplex;
  readonly client: Client;
  readonly server: SshServerOptions;
  /** Its place among those that have not logged in. */
  readonly place: Place;
  /** Called once. */
  onClosed(): void;
}

/** A connection in progress; it begins with its construction and ends with its stream. */
export class SshConnection {
  readonly #options: ConnectionOptions;
  readonly #gate: TransportGate;
  readonly #exchange: KeyExchange;
  readonly #authentication: Authentication;
  #progress: Progress = { kind: 'silent' };
  /** Of the login; nothing is served before one. */
  #rights: Rights = ALL_RIGHTS;
  #state: ConnectionState;
  /** Why the agent ends. */
  #lastWords = '';

  constructor(options: ConnectionOptions) {
    const { duplex, client, server } = options;
    const { clock } = server;
    this.#options = options;
    this.#gate = new TransportGate(duplex);
    this.#exchange = new KeyExchange({
      clock,
      gate: this.#gate,
      onTooLate: () => {
        this.#cut('key exchange not done in time');
      },
    });
    this.#authentication = new Authentication({
      credentials: server.credentials,
      guard: server.guard,
      address: client.address,
      clock,
      onLogin: (login, rights) => {
        this.#rights = rights;
        this.#logIn({ clientId: client.id, address: client.address, ...login });
      },
      onRefused: (refusal) => {
        server.events.refused({ clientId: client.id, address: client.address, ...refusal });
      },
      onExhausted: () => {
        this.#cut('too many failed logins');
      },
    });
    const cancelGrace = clock.after(LOGIN_GRACE_MS, () => {
      this.#cut('no login in time');
    });
    this.#state = { kind: 'open', party: { kind: 'stranger', cancelGrace } };
    duplex.on('error', () => {
      if (this.#state.kind !== 'closed') this.#state = broken(this.#state, 'lost');
    });
    duplex.once('end', () => {
      this.#streamEnded();
      duplex.end();
    });
    duplex.once('close', () => {
      this.#streamEnded();
    });
    speakSsh(duplex, server, (connection) => {
      this.#accepted(connection);
    });
  }

  /** Who is logged in, or undefined. */
  get client(): PresentClient | undefined {
    const state = this.#state;
    if (state.kind === 'closed' || state.party.kind !== 'client') return undefined;
    const occupation =
      this.#progress.kind === 'serving' ? this.#progress.services.occupation : occupationFrom([], 0);
    return { ...state.party.info, occupation, isDetached: this.#options.client.isDetached?.() === true };
  }

  /** Shows text at every terminal of this connection. */
  notify(text: string): void {
    if (this.#progress.kind === 'serving') this.#progress.services.notify(text);
  }

  /** Shows text in every interactive shell of this connection. */
  notifyShells(text: string): void {
    if (this.#progress.kind === 'serving') this.#progress.services.notifyShells(text);
  }

  /**
   * Shows the farewell at every terminal, closes the session channels and then the connection, with the reason for the program at
   * the other end. May be called twice.
   */
  close({ farewell, reason }: SshEnd): void {
    if (this.#state.kind === 'closed' || isStopping(this.#state)) return;
    this.#state = ended(this.#state, 'stopped');
    this.#lastWords = reason;
    if (this.#progress.kind === 'serving') this.#progress.services.close(farewell);
    // When the last channel has closed there is no need to wait, see #channelClosed.
    if (this.#channels === 0) this.#disconnect();
    else this.#options.server.clock.after(CLOSE_GRACE_MS, () => this.#disconnect());
  }

  /** Drops the stream now. May be called twice. */
  destroy(): void {
    this.#options.duplex.destroy();
    this.#streamEnded();
  }

  /** Cuts one that has not logged in, with all that its stream still holds, so that another may come. */
  evict(): void {
    this.destroy();
    this.#options.client.discard?.();
  }

  get #channels(): number {
    return this.#progress.kind === 'serving' ? this.#progress.services.channels : 0;
  }

  #accepted(connection: Connection): void {
    this.#progress = { kind: 'speaking', connection };
    mendConnection(connection, {
      signatureAlgorithms: SIGNATURE_ALGORITHMS,
      exchangeBegun: () => {
        this.#exchange.begun();
      },
      exchangeDone: () => {
        this.#options.place.heard();
        this.#exchange.done();
      },
    });
    connection.on('error', (error) => {
      this.#faulted(error);
    });
    connection.on('authentication', (attempt) => {
      this.#authentication.decide(attempt);
    });
    connection.once('ready', () => {
      this.#serve(connection);
    });
  }

  #logIn(login: LoginEvent): void {
    if (this.#state.kind === 'closed' || this.#state.party.kind === 'client') return;
    const { place, server } = this.#options;
    const { attendance, clock, events } = server;
    this.#state.party.cancelGrace();
    place.leave();
    const depart = attendance.arrived(login.address);
    this.#state = loggedIn(this.#state, { ...login, since: clock.now() }, depart);
    events.login(login);
    events.activity();
  }

  #serve(connection: Connection): void {
    const { server, client } = this.#options;
    const services = new ClientServices({
      connection,
      gate: this.#gate,
      server,
      clientId: client.id,
      clientAddress: client.address,
      rights: this.#rights,
      isStopping: () => isStopping(this.#state),
      onServed: () => {
        this.#state = served(this.#state);
      },
      onChannelClosed: () => {
        this.#channelClosed();
      },
      log: this.#log,
    });
    this.#progress = { kind: 'serving', connection, services };
  }

  #channelClosed(): void {
    if (isStopping(this.#state) && this.#channels === 0) this.#disconnect();
  }

  #faulted(error: Error): void {
    if (this.#state.kind === 'closed') return;
    const level = (error as { level?: string }).level ?? 'protocol';
    this.#state = broken(this.#state, level === 'socket' ? 'lost' : 'fault');
    this.#log('connection failed', { level, error: error.message });
    this.#hangUpSoon();
  }

  #cut(reason: string): void {
    if (this.#state.kind !== 'closed') this.#state = ended(this.#state, 'fault');
    this.#log('connection cut', { reason });
    this.#disconnect();
  }

  #disconnect(): void {
    if (this.#state.kind === 'closed') return;
    const { duplex } = this.#options;
    if (this.#progress.kind === 'silent') duplex.end();
    else if (this.#progress.kind === 'speaking' || !duplex.writable) this.#progress.connection.end();
    else {
      // To those who are let in: one that ends is told apart from one that was cut on the way.
      sayGoodbye(this.#progress.connection, this.#lastWords);
      duplex.end();
    }
    this.#hangUpSoon();
  }

  #hangUpSoon(): void {
    const { duplex, server } = this.#options;
    server.clock.after(CLOSE_GRACE_MS, () => {
      duplex.destroy();
    });
  }

  #streamEnded(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    if (state.party.kind === 'client') state.party.depart();
    else state.party.cancelGrace();
    this.#exchange.stop();
    this.#authentication.stop(state.party.kind === 'client');
    if (this.#progress.kind === 'serving') this.#progress.services.hangUp();
    this.#tellEnd(state);
    this.#options.onClosed();
  }

  #tellEnd(state: LiveConnection): void {
    if (state.party.kind === 'stranger') return this.#discardSoon();
    const { duplex, client, server } = this.#options;
    const { info, wasServed } = state.party;
    const { since, ...login } = info;
    const seconds = (server.clock.now() - since) / 1_000;
    const reason = logoutReasonOf(state, duplex.writableEnded, () => client.isLost?.() === true);
    server.events.logout({ ...login, seconds, reason, wasServed });
  }

  /**
   * A resumable stream waits for its client to take the last words, but not for long if that client never logged in. The client
   * keeps its place until the stream is gone: so nobody can hold more streams by ending them than by keeping them.
   */
  #discardSoon(): void {
    const { client, place, server } = this.#options;
    if (client.discard === undefined) return place.leave();
    server.clock.after(CLOSE_GRACE_MS, () => {
      client.discard?.();
      place.leave();
    });
  }

  readonly #log = (event: string, fields: Record<string, unknown>): void => {
    const { client, server } = this.#options;
    server.events.log?.(event, { clientId: client.id, address: client.address, ...fields });
  };
}
