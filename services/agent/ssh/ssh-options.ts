// What the SSH server is given, and what it tells.
import type { Clock } from '#shared/clock.ts';
import type { Credentials } from './credentials.ts';
import type { HostKey } from './host-key.ts';

export interface SshServerOptions {
  readonly hostKey: HostKey;
  readonly credentials: Credentials;
  /** The path of the shell that runs sessions and commands. */
  readonly shell: string;
  /** Where sessions start; `/` when it is gone. */
  readonly cwd: string;
  /** The environment of sessions, to which TERM, SSH_* and what the client sends are added. Text, or bytes that are none. */
  readonly env: Readonly<Record<string, string | Buffer>>;
  /** False refuses -L, -R, -D, unix sockets and agent forwarding. */
  readonly forwarding: boolean;
  readonly clock: Clock;
  /** Shown at the start of every interactive shell on a terminal. Lines end with \n. */
  greeting(): string;
  readonly events: SshEvents;
}

export type LoginMethod = 'password' | 'key';

/** How a connection ended: by the client, by a lost transport, by `stop`, or because it broke a rule. */
export type LogoutReason = 'client_left' | 'lost' | 'stopped' | 'fault';

export interface LoginEvent {
  readonly clientId: string;
  readonly address: string;
  readonly user: string;
  readonly method: LoginMethod;
  readonly key?: { readonly fingerprint: string; readonly comment: string };
}

export interface LogoutEvent extends LoginEvent {
  readonly seconds: number;
  readonly reason: LogoutReason;
}

export interface RefusedEvent {
  readonly clientId: string;
  readonly address: string;
  readonly user: string;
  readonly method: string;
  /** Why, for the log: names the key, or the user that would have been right. */
  readonly detail: string;
  /** Which failure of this connection it was, from 1; 0 for keys that were only offered. */
  readonly attempt: number;
}

/** All are called synchronously and must not throw. */
export interface SshEvents {
  login(event: LoginEvent): void;
  logout(event: LogoutEvent): void;
  refused(event: RefusedEvent): void;
  /** A person or a transfer did something; keepalives are not. Called often: must be cheap. */
  activity(): void;
  /** Constant lower-case text and its data: refused forwards, faults, limits. Never content. */
  log?(event: string, fields: Record<string, unknown>): void;
}

/** Somebody who is logged in. */
export interface ClientInfo extends LoginEvent {
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}
