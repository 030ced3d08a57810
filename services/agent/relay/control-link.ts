// The agent's end of a control link over a WebSocket.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import {
  type AgentMessage,
  formatMessage,
  parseRelayMessage,
  type RelayMessage,
} from '#shared/protocol/control-messages.ts';
import type { Clock } from '#shared/time/clock.ts';
import { CLOSE_WITHIN_MS, startKeepalive } from '#shared/websocket/keepalive.ts';
import { holdToBudget, OVER_BUDGET_LINGER_MS, RELAY_BUDGET } from '#shared/websocket/link-budget.ts';

export interface ControlLinkOptions {
  readonly clock: Clock;
  readonly onMessage: (message: RelayMessage) => void;
  /** A dial order that cannot be read, and why; the link stays. */
  readonly onUnreadableDial: (detail: string) => void;
  /** Once. */
  readonly onClosed: (reason: CloseReason) => void;
}

export interface ControlLink {
  /** Ignored once the link is closed. */
  send(message: AgentMessage): void;
  /** May be called twice. */
  close(reason: CloseReason): void;
}

/** Takes charge of an open, paused WebSocket, and lets it flow. */
export function controlLinkOver(
  socket: WebSocket,
  transport: Socket,
  options: ControlLinkOptions,
): ControlLink {
  const { clock, onMessage, onUnreadableDial, onClosed } = options;
  let own: CloseReason | undefined;
  let cancelClose: (() => void) | undefined;
  const stopKeepalive = startKeepalive(socket, transport, {
    clock,
    onDead() {
      own ??= 'unanswered_ping';
      socket.terminate();
    },
  });

  const takesMessage = holdToBudget(socket, transport, {
    clock,
    budget: RELAY_BUDGET,
    onSpent() {
      close('over_budget', OVER_BUDGET_LINGER_MS);
      socket.pause();
    },
  });

  function close(reason: CloseReason, withinMs = CLOSE_WITHIN_MS): void {
    if (own !== undefined) return;
    own = reason;
    socket.close(CLOSE_REASONS[reason].code, reason);
    cancelClose = clock.after(withinMs, () => {
      socket.terminate();
    });
  }

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (own !== undefined || !takesMessage()) return;
    if (isBinary) return close('not_json');
    const received = parseRelayMessage(data.toString());
    if (received.kind === 'message') onMessage(received.message);
    // An unknown type is one of a newer relay: nothing that this agent could do.
    else if (received.kind === 'malformed') {
      if (received.type === 'dial') onUnreadableDial(received.detail);
      else close('not_json');
    }
  });
  socket.on('error', () => {
    own ??= 'lost';
  });
  socket.on('close', (code: number, text: Buffer) => {
    stopKeepalive();
    cancelClose?.();
    onClosed(own ?? closeReasonFrom(code, text.toString()));
  });
  socket.resume();
  return {
    send(message) {
      if (socket.readyState === socket.OPEN) socket.send(formatMessage(message));
    },
    close(reason) {
      close(reason);
    },
  };
}
