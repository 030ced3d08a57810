// One SSH connection: from its stream to its sessions and forwards, and to its end.
import type { Duplex } from 'node:stream';
import ssh2, { type Connection } from 'ssh2';
import type { Cancel } from '#shared/time/clock.ts';
import type { Client } from '../crowd/client.ts';
import type { Place } from '../crowd/crowd.ts';
import { LOGIN_GRACE_MS } from '../crowd/login-limits.ts';
import { ALGORITHMS, SIGNATURE_ALGORITHMS } from './algorithms.ts';
import { Authentication } from './authentication.ts';
import { TransportGate } from './channel/transport-gate.ts';
import { AgentForwarding } from './forward/agent-forwarding.ts';
import { ForwardStreams } from './forward/forward-context.ts';
import { serveLocalForwards } from './forward/forward-local.ts';
import { serveRemoteForwards } from './forward/forward-remote.ts';
import { SessionChannel } from './session-channel.ts';
import type { ClientInfo, LoginEvent, LogoutReason, SshServerOptions } from './ssh-options.ts';
import { mendConnection } from './ssh2/mend.ts';

/**
 * From the client's KEXINIT to its NEWKEYS, also after the login; nothing else goes either way meanwhile. sshd waits for ever.
 * A resumable stream may lose its transport in the middle: longer than a laptop's lid is closed within any sensible window.
 */
export const EXCHANGE_GRACE_MS = 900_000;
/** Sessions of one connection; an IDE or a ControlMaster opens a handful. sshd's default is 10. */
export const MAX_SESSION_CHANNELS_PER_CONNECTION = 64;
/** How long a close may take to deliver the last words, and then how long the client may take to hang up. */
const CLOSE_GRACE_MS = 1_000;
/**
 * ssh2 asks for a sign of life every 15 s and drops after three; a resumable stream may be without a transport for
 * minutes, and the relays ping every leg anyway. There is no "off": setInterval's longest is.
 */
const KEEPALIVE_NEVER_MS = 2 ** 31 - 1;

/**
 * What we call ourselves (RFC 4253 section 4.2: name, space, comment). Clients go by this name where SSH's drafts and OpenSSH
 * differ, and what it promises holds here: SFTP's SYMLINK takes the target first (asyncssh, libssh, ssh2 and WinSCP turn the
 * arguments for servers called OpenSSH only, paramiko sends OpenSSH's order to all); `eow@openssh.com` and
 * `no-more-sessions@openssh.com` are understood, which OpenSSH's client sends to no other; unix sockets are forwarded (ssh2 asks
 * for it from 6.7 on); RSA keys sign with SHA-2 (paramiko believes it of certificates from 7.8 on). The version is that of the
 * sshd which the tests compare with, and none for which clients work around faults.
 */
export const IDENTIFICATION = 'OpenSSH_9.2 converge';

/** What a client is told before its login while passwords are not taken (RFC 4252 section 5.4): `ssh` shows it. */
const SHUT_BANNER = 'converge: password login is off; the job log says why, and how to turn it on again\r\n';

type State =
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'logged_in'; readonly client: ClientInfo }
  | { readonly kind: 'closed' };

export interface ConnectionOptions {
  readonly duplex: Duplex;
  readonly client: Client;
  readonly server: SshServerOptions;
  /** Among those who have not logged in. */
  readonly place: Place;
  /** Called once. */
  onClosed(): void;
}

/** A connection in progress; it begins with its construction and ends with its stream. */
export class SshConnection {
  readonly #options: ConnectionOptions;
  readonly #gate: TransportGate;
  readonly #authentication: Authentication;
  readonly #sessions = new Set<SessionChannel>();
  readonly #stops: (() => void)[] = [];
  readonly #cancelGrace: Cancel;
  #cancelExchange: Cancel = () => {};
  #connection: Connection | undefined;
  #state: State = { kind: 'unauthenticated' };
  /** What ended it, when it was not the client's own farewell. */
  #reason: Exclude<LogoutReason, 'client_left'> | undefined;
  /** A program, sftp or a forward has run. */
  #wasServed = false;
  #closing = false;

  constructor(options: ConnectionOptions) {
    const { duplex, client, server } = options;
    this.#options = options;
    this.#gate = new TransportGate(duplex);
    this.#authentication = new Authentication({
      credentials: server.credentials,
      guard: server.guard,
      address: client.address,
      clock: server.clock,
      onLogin: (login) => {
        this.#logIn({ clientId: client.id, address: client.address, ...login });
      },
      onRefused: (refusal) => {
        server.events.refused({ clientId: client.id, address: client.address, ...refusal });
      },
      onExhausted: () => {
        this.#cut('too many failed logins');
      },
    });
    this.#cancelGrace = server.clock.after(LOGIN_GRACE_MS, () => {
      this.#cut('no login in time');
    });
    duplex.on('error', () => {
      this.#reason ??= 'lost';
    });
    duplex.once('end', () => {
      this.#ended();
      duplex.end();
    });
    duplex.once('close', () => {
      this.#ended();
    });
    this.#speakSsh();
  }

  /** Who is logged in, or undefined. */
  get client(): ClientInfo | undefined {
    return this.#state.kind === 'logged_in' ? this.#state.client : undefined;
  }

  /** Shows text at every terminal of this connection. */
  notify(text: string): void {
    for (const session of this.#sessions) session.notify(text);
  }

  /** Says why at every terminal, ends the sessions and then the connection. May be called twice. */
  close(text: string): void {
    if (this.#closing || this.#state.kind === 'closed') return;
    this.#closing = true;
    this.#reason = 'stopped';
    for (const session of this.#sessions) session.close(text);
    // When the last session has closed there is no need to wait, see #sessionClosed.
    if (this.#sessions.size === 0) this.#disconnect();
    else this.#options.server.clock.after(CLOSE_GRACE_MS, () => this.#disconnect());
  }

  /** Drops the stream now. May be called twice. */
  destroy(): void {
    this.#options.duplex.destroy();
    this.#ended();
  }

  /** Cuts one that has not logged in, and leaves nothing of it, so that another may come. */
  evict(): void {
    this.destroy();
    this.#options.client.discard?.();
  }

  #speakSsh(): void {
    // One ssh2 server per stream: it listens nowhere, and its one connection is known to be this one.
    const { credentials, guard, hostKey } = this.#options.server;
    const isShut = credentials.kind === 'password' && guard.state.kind === 'off';
    const server = new ssh2.Server({
      hostKeys: [hostKey.privateKey],
      algorithms: ALGORITHMS,
      ident: IDENTIFICATION,
      keepaliveInterval: KEEPALIVE_NEVER_MS,
      ...(isShut ? { banner: SHUT_BANNER } : {}),
    });
    server.on('connection', (connection: Connection) => {
      this.#accepted(connection);
    });
    server.injectSocket(this.#options.duplex as Parameters<typeof server.injectSocket>[0]);
  }

  #accepted(connection: Connection): void {
    this.#connection = connection;
    mendConnection(connection, {
      signatureAlgorithms: SIGNATURE_ALGORITHMS,
      exchangeBegun: () => {
        this.#gate.hold();
        this.#cancelExchange();
        this.#cancelExchange = this.#options.server.clock.after(EXCHANGE_GRACE_MS, () => {
          this.#cut('key exchange not done in time');
        });
      },
      exchangeDone: () => {
        this.#options.place.heard();
        this.#cancelExchange();
        this.#gate.letGo();
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

  #serve(connection: Connection): void {
    const { server, client } = this.#options;
    const log = this.#log;
    const streams = new ForwardStreams({
      connection,
      gate: this.#gate,
      clock: server.clock,
      allowed: server.forwarding,
      onActivity: () => {
        server.events.activity();
      },
      onServed: this.#served,
      log,
    });
    const agentForwarding = new AgentForwarding(streams);
    this.#stops.push(
      serveLocalForwards(streams),
      serveRemoteForwards(streams),
      () => {
        streams.stop();
      },
      () => {
        agentForwarding.stop();
      },
    );
    connection.on('session', (accept, reject) => {
      if (this.#closing || this.#sessions.size >= MAX_SESSION_CHANNELS_PER_CONNECTION) {
        log('session refused', { sessions: this.#sessions.size });
        reject();
        return;
      }
      const session = new SessionChannel(accept(), {
        connection,
        gate: this.#gate,
        options: server,
        clientAddress: client.address,
        agentForwarding,
        log,
        onServed: this.#served,
        onClosed: () => {
          this.#sessionClosed(session);
        },
      });
      this.#sessions.add(session);
    });
  }

  #sessionClosed(session: SessionChannel): void {
    this.#sessions.delete(session);
    if (this.#closing && this.#sessions.size === 0) this.#disconnect();
  }

  #logIn(login: LoginEvent): void {
    if (this.#state.kind !== 'unauthenticated') return;
    this.#cancelGrace();
    this.#options.place.leave();
    const { clock, events } = this.#options.server;
    this.#state = { kind: 'logged_in', client: { ...login, since: clock.now() } };
    events.login(login);
    events.activity();
  }

  #faulted(error: Error): void {
    if (this.#state.kind === 'closed') return;
    const level = (error as { level?: string }).level ?? 'protocol';
    this.#reason ??= level === 'socket' ? 'lost' : 'fault';
    this.#log('connection failed', { level, error: error.message });
    this.#hangUpSoon();
  }

  #cut(reason: string): void {
    this.#reason = 'fault';
    this.#log('connection cut', { reason });
    this.#disconnect();
  }

  #disconnect(): void {
    if (this.#state.kind === 'closed') return;
    // Before the client's first line there is no protocol to take leave in.
    if (this.#connection === undefined) this.#options.duplex.end();
    else this.#connection.end();
    this.#hangUpSoon();
  }

  #hangUpSoon(): void {
    const { duplex, server } = this.#options;
    server.clock.after(CLOSE_GRACE_MS, () => {
      duplex.destroy();
    });
  }

  #ended(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#cancelGrace();
    this.#cancelExchange();
    this.#authentication.stop(state.kind === 'logged_in');
    for (const session of this.#sessions) session.hangUp();
    for (const stop of this.#stops) stop();
    if (state.kind === 'logged_in') {
      const { clock, events } = this.#options.server;
      const { since, ...login } = state.client;
      const seconds = (clock.now() - since) / 1_000;
      events.logout({ ...login, seconds, reason: this.#logoutReason(), wasServed: this.#wasServed });
    } else {
      this.#discardSoon();
    }
    this.#options.onClosed();
  }

  /**
   * A stream that outlives its transports waits for its client to take the last words: not for one who never logged in. He
   * keeps his place until it is gone, so that nobody holds more streams by ending them than by keeping them.
   */
  #discardSoon(): void {
    const { client, place, server } = this.#options;
    if (client.discard === undefined) return place.leave();
    server.clock.after(CLOSE_GRACE_MS, () => {
      client.discard?.();
      place.leave();
    });
  }

  #logoutReason(): LogoutReason {
    const { duplex, client } = this.#options;
    const reason = this.#reason;
    if (reason === 'stopped' || reason === 'fault') return reason;
    // ssh2 tells of a DISCONNECT by application only by ending the stream from this side.
    if (duplex.writableEnded) return 'client_left';
    return reason ?? (client.isLost?.() === true ? 'lost' : 'client_left');
  }

  readonly #served = (): void => {
    this.#wasServed = true;
  };

  readonly #log = (event: string, fields: Record<string, unknown>): void => {
    const { client, server } = this.#options;
    server.events.log?.(event, { clientId: client.id, address: client.address, ...fields });
  };
}
