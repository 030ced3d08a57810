// What the session core needs from outside: a link to an agent, a log, a recorder of what happened.

import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { RelayMessage, Resumption } from '#shared/protocol/control-messages.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import type { PeerVerdict } from '../hop/peer-credentials.ts';
import type { OrderOutcome } from '../hop/peer-dialler.ts';

/** The relay's end of a control link. */
export interface ControlLink {
  /** Sends a message; ignored once the link is closed. */
  send(message: RelayMessage): void;
  /** Closes the link. May be called twice. */
  close(reason: CloseReason): void;
}

/**
 * How a session runs through this pod: `local`, both streams are here; `waiting`, the client is here and the agent's
 * stream came over a hop; `forwarding`, the agent's stream is here and goes on over a hop.
 */
export const SESSION_ROUTES = ['local', 'waiting', 'forwarding'] as const;
export type SessionRoute = (typeof SESSION_ROUTES)[number];

/** Constant lower-case messages; data goes in fields. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/**
 * Why a request never reached a route: its headers did not come in time, are too large, are not HTTP, the TLS
 * handshake failed, it is a WebSocket handshake behind a request that is still being answered, or so much came behind a
 * handshake that nobody can have waited for the answer, or a balancer's connection does not begin with its PROXY header.
 */
export const MALFORMED_REASONS = [
  'timeout',
  'too_large',
  'not_http',
  'tls',
  'pipelined',
  'early',
  'proxy_header',
] as const;
export type MalformedReason = (typeof MALFORMED_REASONS)[number];

/** Counts what happened, for whoever watches the relay. Each call is cheap. */
export interface Recorder {
  agentLinked(): void;
  agentUnlinked(reason: CloseReason): void;
  sessionStarted(route: SessionRoute, setUpSeconds: number): void;
  sessionEnded(route: SessionRoute, reason: CloseReason, seconds: number): void;
  /** What an agent says became of a session that had lost its transport. */
  resumptionReported(outcome: Resumption['outcome'], afterSeconds: number): void;
  refused(code: RefusalCode): void;
  controlMessageIgnored(): void;
  /** A client went away before it had a session or an answer. */
  clientLeft(): void;
  /** What came was no request that could be answered by a route. */
  requestMalformed(reason: MalformedReason): void;
  /** A peer took nothing of its answer for too long, and was cut. */
  answerUntaken(): void;
  /** A dial order to a peer. */
  orderSent(outcome: OrderOutcome['kind'], seconds: number): void;
  /** A hop to a peer. */
  hopDialled(outcome: StreamDialOutcome['kind'], seconds: number): void;
  /** A request by somebody who is not a peer, or by one that this version does not understand. */
  peerRejected(verdict: Exclude<PeerVerdict, 'genuine'> | 'malformed'): void;
}
