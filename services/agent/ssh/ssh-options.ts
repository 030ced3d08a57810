// What the SSH server is given, and what it reports.
import type { Clock } from '#shared/time/clock.ts';
import type { Credentials } from '../access/credentials.ts';
import type { PasswordGuard } from '../access/password-guard.ts';
import type { Attendance } from '../crowd/attendance.ts';
import type { Platform } from '../platform/platform.ts';
import type { AskedEvents } from './asked-events.ts';
import type { HostKey } from './keys/host-key.ts';
import type { Occupation } from './occupation.ts';

export interface SshServerOptions {
  readonly hostKey: HostKey;
  readonly credentials: Credentials;
  /** Counts the wrong passwords of all connections. */
  readonly guard: PasswordGuard;
  /** Counts who is logged in. */
  readonly attendance: Attendance;
  /** What programs, files and sockets are here. */
  readonly platform: Platform;
  /** The path of the shell that people get, and that runs commands if no other does. */
  readonly shell: string;
  /** Another shell that runs commands. */
  readonly commandShell?: string;
  /** Where programs start; the platform's last directory if it is gone. */
  readonly cwd: string;
  /** The environment of programs; TERM, SSH_* and what the client sends are added. Text, or bytes that are not text. */
  readonly env: Readonly<Record<string, string | Buffer>>;
  /** More of it for shells that people talk with: what helps them type. Commands do not see it. */
  readonly shellEnv?: Readonly<Record<string, string>>;
  /** Output of commands on a terminal is activity; by default only keys are. Output on pipes always is. */
  readonly countsOutput?: boolean;
  /** False refuses -L, -R, -D, unix sockets and agent forwarding. */
  readonly forwarding: boolean;
  readonly clock: Clock;
  /** In [0, 1): draws who has to go when too many have not logged in. */
  readonly random: () => number;
  /** Shown at the start of every interactive shell on a terminal. Lines end with \n. */
  greeting(): string;
  readonly events: SshEvents;
}

/** What is said when the server ends. */
export interface SshEnd {
  /** At every terminal. */
  readonly farewell: string;
  /** To the program at the other end, which may print it: ASCII, in one line (the description of RFC 4253 section 11.1). */
  readonly reason: string;
}

export type LoginMethod = 'password' | 'key' | 'certificate';

/**
 * How a connection ended. Only `client_left` says that somebody is done.
 *
 * | what happens                                              | what the agent hears                  | reason        |
 * | --------------------------------------------------------- | ------------------------------------- | ------------- |
 * | ssh exits, or is told to by SIGINT, SIGTERM, a closed     | SSH_MSG_DISCONNECT "by application",  | `client_left` |
 * | terminal                                                  | whatever becomes of the stream then   |               |
 * | ssh is killed -9; wsproxy or tcptows lives                | FIN, or RESET `aborted` if it had     | `client_left` |
 * |                                                           | bytes for it                          |               |
 * | wsproxy or tcptows is told to stop by a signal            | FIN                                   | `client_left` |
 * | a plain client closes its WebSocket (1000, or no code)    | the stream ended                      | `client_left` |
 * | wsproxy is killed -9, a lid is closed, the network is     | nothing for the resume window         | `lost`        |
 * | gone, the relay stays away                                |                                       |               |
 * | a plain client's WebSocket is cut, or its relay restarts  | the stream ended `going_away`,        | `lost`        |
 * |                                                           | `restart`, `lost`, …                  |               |
 * | the resumable stream or SSH is spoken wrongly, or the     | RESET of another code, a broken       | `lost` or     |
 * | client disconnects because of what the agent said         | packet, DISCONNECT of another reason  | `fault`       |
 * | the agent ends                                            |                                       | `stopped`     |
 *
 * A client that is refused before its login ends nothing, so its end is not reported.
 */
export type LogoutReason = 'client_left' | 'lost' | 'stopped' | 'fault';

/** A client has logged in; without `key` by the password. */
export interface LoginEvent {
  readonly clientId: string;
  readonly address: string;
  readonly user: string;
  readonly method: LoginMethod;
  readonly key?: { readonly fingerprint: string; readonly comment: string };
  /** Of that key, if it came by one. */
  readonly certificate?: LoginCertificate;
}

/** What is said of a certificate by which somebody came. */
export interface LoginCertificate {
  /** As its authority calls it. */
  readonly keyId: string;
  /** In decimal: it may have 64 bits. */
  readonly serial: string;
  readonly principals: readonly string[];
  /** `SHA256:…` of its authority. */
  readonly caFingerprint: string;
}

/** A client is gone. */
export interface LogoutEvent extends LoginEvent {
  readonly seconds: number;
  readonly reason: LogoutReason;
  /**
   * Whether a program, sftp or a forward ever ran for it. Not so for a shell that could not be started, for a check of
   * the port or the key that logs in and goes, and for `ssh -N` through which nobody went: these came for nothing.
   */
  readonly wasServed: boolean;
}

/** An attempt to log in has failed. */
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

/** A connection that was refused, or cut before its login, because others came as well. */
export interface TurnedAwayEvent {
  readonly clientId: string;
  readonly address: string;
}

/** All are called synchronously and must not throw. */
export interface SshEvents {
  login(event: LoginEvent): void;
  logout(event: LogoutEvent): void;
  refused(event: RefusedEvent): void;
  /** As often as a stranger likes. */
  turnedAway(event: TurnedAwayEvent): void;
  /** A person or a transfer did something; keepalives are not. Called often: must be cheap. */
  activity(): void;
  /** Constant lower-case text and its data: refused forwards, faults, limits. Never content. */
  log?(event: string, fields: Record<string, unknown>): void;
  /** What clients ask for. */
  readonly asked?: AskedEvents;
}

/** Somebody who is logged in. */
export interface ClientInfo extends LoginEvent {
  /** In milliseconds on the Clock. */
  readonly since: number;
}

/** The same at one moment. */
export interface PresentClient extends ClientInfo {
  readonly occupation: Occupation;
  /** It is without a transport, and may come back. */
  readonly isDetached: boolean;
}
