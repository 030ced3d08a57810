// The control link: JSON messages over a WebSocket of ws, the same at both ends but for the parser and the budget.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import {
  type AgentMessage,
  formatMessage,
  type Received,
  type RelayMessage,
} from '#shared/protocol/control-messages.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { CLOSE_WITHIN_MS, startKeepalive } from './keepalive.ts';
import { holdToBudget, type LinkAllowances, OVER_BUDGET_LINGER_MS } from './link-budget.ts';

/** A peer that lets this much pile up, in bytes, does not read its link and is cut. */
export const MAX_CONTROL_BACKLOG_BYTES = 256 * 1024;

export interface ControlLinkOptions<Incoming> {
  readonly clock: Clock;
  /** Of the peer. */
  readonly budget: LinkAllowances;
  /** Reads a message of the peer. What is malformed closes the link (`not_json`), as a binary message does. */
  readonly parse: (text: string) => Received<Incoming>;
  readonly onMessage: (message: Incoming) => void;
  /** A message of a type that this version does not know. */
  readonly onUnknown?: (type: string) => void;
  /** Why the link closes after an error of ws, by its code; `lost` where it is not named. */
  readonly reasonsOfErrors?: Readonly<Record<string, CloseReason>>;
  /** How long the peer may take to leave after an error of ws, in milliseconds. */
  readonly lingerAfterErrorMs?: number;
  /** Once. */
  readonly onClosed: (reason: CloseReason) => void;
}

export interface ControlLink<Outgoing> {
  /** Ignored once the link is closed. */
  send(message: Outgoing): void;
  /** Says goodbye. May be called twice. */
  close(reason: CloseReason): void;
}

type State =
  | { readonly kind: 'open' }
  /** This end closes or cuts, or ws has: the peer's close frame does not change the reason any more. */
  | { readonly kind: 'closing'; readonly reason: CloseReason; readonly cancelCut: Cancel }
  | { readonly kind: 'closed' };

/** Takes charge of a WebSocket that reads as BUDGETED_READING says, and lets it flow. */
export function controlLinkOver<Incoming, Outgoing extends RelayMessage | AgentMessage>(
  socket: WebSocket,
  transport: Socket,
  options: ControlLinkOptions<Incoming>,
): ControlLink<Outgoing> {
  return new SocketLink(socket, transport, options);
}

class SocketLink<Incoming, Outgoing extends RelayMessage | AgentMessage> implements ControlLink<Outgoing> {
  readonly #socket: WebSocket;
  readonly #options: ControlLinkOptions<Incoming>;
  readonly #stopKeepalive: Cancel;
  readonly #takesMessage: () => boolean;
  #state: State = { kind: 'open' };

  constructor(socket: WebSocket, transport: Socket, options: ControlLinkOptions<Incoming>) {
    this.#socket = socket;
    this.#options = options;
    const { budget, clock } = options;
    this.#stopKeepalive = startKeepalive({
      clock,
      bytesRead: () => transport.bytesRead,
      ping: () => {
        if (socket.readyState === socket.OPEN) socket.ping();
      },
      onDead: () => {
        this.#cut('unanswered_ping');
      },
    });
    this.#takesMessage = holdToBudget(socket, transport, {
      clock,
      budget,
      onSpent: () => {
        this.#close('over_budget', OVER_BUDGET_LINGER_MS);
        socket.pause();
      },
    });
    this.#listen(transport);
    // It says so once, and perhaps has: an agent dials before it can listen. Not at once: nobody has this link yet.
    if (socket.readyState === socket.CLOSED) queueMicrotask(() => this.#finish('lost'));
    socket.resume();
  }

  send(message: Outgoing): void {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return;
    socket.send(formatMessage(message));
    if (socket.bufferedAmount > MAX_CONTROL_BACKLOG_BYTES) this.#cut('stuck');
  }

  close(reason: CloseReason): void {
    this.#close(reason, CLOSE_WITHIN_MS);
  }

  #listen(transport: Socket): void {
    this.#socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#state.kind === 'open' && this.#takesMessage()) this.#read(data, isBinary);
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      // ws has sent a close frame, and reads on until the peer has closed too.
      const { reasonsOfErrors, lingerAfterErrorMs = CLOSE_WITHIN_MS } = this.#options;
      this.#leave(reasonsOfErrors?.[error.code ?? ''] ?? 'lost', lingerAfterErrorMs);
    });
    this.#socket.on('close', (code: number, text: Buffer) => {
      this.#finish(closeReasonFrom(code, text.toString()));
    });
    // ws first goes through all that has arrived, a message in each turn; where the reason is known, nobody waits for that.
    transport.on('close', () => {
      if (this.#state.kind === 'closing') this.#finish(this.#state.reason);
    });
  }

  #read(data: Buffer, isBinary: boolean): void {
    if (isBinary) return this.close('not_json');
    const received = this.#options.parse(data.toString());
    switch (received.kind) {
      case 'message':
        return this.#options.onMessage(received.message);
      case 'unknown':
        return this.#options.onUnknown?.(received.type);
      case 'malformed':
        return this.close('not_json');
    }
  }

  // ── transitions ──

  /** From here on the reason is known, and the peer has `withinMs` to go. False: it was known before. */
  #leave(reason: CloseReason, withinMs: number): boolean {
    if (this.#state.kind !== 'open') return false;
    const cancelCut = this.#options.clock.after(withinMs, () => {
      this.#socket.terminate();
    });
    this.#state = { kind: 'closing', reason, cancelCut };
    return true;
  }

  #close(reason: CloseReason, withinMs: number): void {
    if (this.#leave(reason, withinMs)) this.#socket.close(CLOSE_REASONS[reason].code, reason);
  }

  #cut(reason: CloseReason): void {
    this.#leave(reason, 0);
    this.#socket.terminate();
  }

  #finish(saidByPeer: CloseReason): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#stopKeepalive();
    if (state.kind === 'closing') state.cancelCut();
    this.#options.onClosed(state.kind === 'closing' ? state.reason : saidByPeer);
  }
}
