// The smallest agent: a control link that says what it was told, and streams on demand.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import {
  type Dial,
  MAX_CONTROL_BYTES,
  parseRelayMessage,
  type RelayMessage,
} from '#shared/protocol/control-messages.ts';
import { agentPath, agentStreamPath } from '#shared/protocol/paths.ts';
import { AGENT_CONTROL, STREAM } from '#shared/protocol/subprotocols.ts';
import { dialLink, type LinkDialOutcome } from '#shared/websocket/dial-link.ts';
import { MAX_MESSAGE_BYTES } from '../stream/message-stream.ts';
import { until } from '../time/poll.ts';

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface FakeAgent extends Disposable {
  readonly socket: WebSocket;
  readonly transport: Socket;
  readonly claim: string;
  /** What the relay has sent so far. */
  readonly messages: readonly RelayMessage[];
  readonly closed: Promise<Closed>;
  /** The dial number `index`, once it is there. */
  dial(index?: number): Promise<Dial>;
}

export interface FakeAgentOptions {
  readonly claim?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** Tries to open `/agent/ID`. */
export function dialAgent(
  port: number,
  id: string,
  options: FakeAgentOptions = {},
): Promise<LinkDialOutcome> {
  return dialLink(new URL(`ws://127.0.0.1:${port}${agentPath(id)}`), {
    protocols: options.protocols ?? [AGENT_CONTROL],
    headers: { [CLAIM_HEADER]: options.claim ?? createClaim(), ...options.headers },
    timeoutMs: 30_000,
    maxMessageBytes: MAX_CONTROL_BYTES,
  });
}

/** Opens `/agent/ID`. @throws Error if it is refused */
export async function openAgent(
  port: number,
  id: string,
  options: FakeAgentOptions = {},
): Promise<FakeAgent> {
  const claim = options.claim ?? createClaim();
  const outcome = await dialAgent(port, id, { ...options, claim });
  if (outcome.kind !== 'open') throw new Error(`no control link: ${JSON.stringify(outcome)}`);
  const { socket, transport } = outcome;
  const messages: RelayMessage[] = [];
  socket.on('message', (data: Buffer) => {
    const received = parseRelayMessage(data.toString());
    if (received.kind === 'message') messages.push(received.message);
  });
  const closed = closeOf(socket);
  socket.resume();
  await until('the welcome', () => messages.length > 0);
  const dials = (): Dial[] => messages.filter((message) => message.type === 'dial');
  return {
    socket,
    transport,
    claim,
    messages,
    closed,
    dial: (index = 0) => until(`dial ${index}`, () => dials()[index]),
    [Symbol.dispose]: () => {
      socket.terminate();
    },
  };
}

/** Tries to open `/agent/ID/stream/TICKET`. The socket of an `open` outcome is paused. */
export function openAgentStream(port: number, id: string, ticket: string): Promise<LinkDialOutcome> {
  return dialLink(new URL(`ws://127.0.0.1:${port}${agentStreamPath(id, ticket)}`), {
    protocols: [STREAM],
    timeoutMs: 30_000,
    maxMessageBytes: MAX_MESSAGE_BYTES,
  });
}

/** The socket of an outcome. @throws Error if it is not open */
export function socketOf(outcome: LinkDialOutcome): WebSocket {
  if (outcome.kind !== 'open') throw new Error(`not open: ${JSON.stringify(outcome)}`);
  return outcome.socket;
}

/** How a WebSocket is closed. */
export async function closeOf(socket: WebSocket): Promise<Closed> {
  socket.on('error', () => undefined);
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return { code, reason: reason.toString() };
}

/** What a WebSocket receives, in one string so far. */
export function textOf(socket: WebSocket): () => string {
  const chunks: Buffer[] = [];
  socket.on('message', (data: Buffer) => chunks.push(data));
  return () => Buffer.concat(chunks).toString();
}
