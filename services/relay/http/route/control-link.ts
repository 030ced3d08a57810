// The relay's end of a control link over a WebSocket.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import { type AgentMessage, formatMessage, parseAgentMessage } from '#shared/protocol/control-messages.ts';
import type { Clock } from '#shared/time/clock.ts';
import { CLOSE_WITHIN_MS, startKeepalive } from '#shared/websocket/keepalive.ts';
import {
  AGENT_BUDGET,
  holdToBudget,
  OVER_BUDGET_LINGER_MS,
  TOO_MANY_PIECES,
} from '#shared/websocket/link-budget.ts';
import type { ControlLink } from '../../session/ports.ts';

/** An agent that lets this much pile up, in bytes, does not read its link and is cut. */
export const MAX_CONTROL_BACKLOG_BYTES = 256 * 1024;

/** What an agent did that ws does not put up with. */
const REASONS_OF_ERRORS: Readonly<Record<string, CloseReason>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'too_big',
  [TOO_MANY_PIECES]: 'over_budget',
};

export interface ControlLinkOptions {
  readonly clock: Clock;
  readonly onMessage: (message: AgentMessage) => void;
  /** A message of a type that this version does not know. */
  readonly onIgnored: (type: string) => void;
  /** Once. */
  readonly onClosed: (reason: CloseReason) => void;
}

/** Takes charge of a WebSocket that was just opened, with BUDGETED_READING. */
export function controlLinkOver(
  socket: WebSocket,
  transport: Socket,
  options: ControlLinkOptions,
): ControlLink {
  const { clock, onMessage, onIgnored, onClosed } = options;
  /** Why this end closes or cuts; the peer's close frame speaks only where this is unset. */
  let own: CloseReason | undefined;

  const cut = (reason: CloseReason): void => {
    own ??= reason;
    socket.terminate();
  };
  const close = (reason: CloseReason, withinMs = CLOSE_WITHIN_MS): void => {
    if (own !== undefined) return;
    own = reason;
    socket.close(CLOSE_REASONS[reason].code, reason);
    cancelClose = clock.after(withinMs, () => {
      socket.terminate();
    });
  };
  let cancelClose: (() => void) | undefined;
  const stopKeepalive = startKeepalive(socket, transport, {
    clock,
    onDead: () => {
      cut('unanswered_ping');
    },
  });

  const takesMessage = holdToBudget(socket, transport, {
    clock,
    budget: AGENT_BUDGET,
    onSpent: () => {
      close('over_budget', OVER_BUDGET_LINGER_MS);
      socket.pause();
    },
  });

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (own !== undefined || !takesMessage()) return;
    const received = isBinary
      ? ({ kind: 'malformed', detail: 'binary' } as const)
      : parseAgentMessage(data.toString());
    switch (received.kind) {
      case 'message':
        onMessage(received.message);
        return;
      case 'unknown':
        onIgnored(received.type);
        return;
      case 'malformed':
        close('not_json');
    }
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    own ??= REASONS_OF_ERRORS[error.code ?? ''] ?? 'lost';
    // ws has sent a close frame, and reads on until the peer has closed too.
    cancelClose ??= clock.after(OVER_BUDGET_LINGER_MS, () => {
      socket.terminate();
    });
  });
  let isOver = false;
  const finish = (reason: CloseReason): void => {
    if (isOver) return;
    isOver = true;
    stopKeepalive();
    cancelClose?.();
    onClosed(reason);
  };
  socket.on('close', (code: number, text: Buffer) => {
    finish(own ?? closeReasonFrom(code, text.toString()));
  });
  // ws first goes through all that has arrived, a message in each turn; where the reason is known, nobody waits for that.
  transport.on('close', () => {
    if (own !== undefined) finish(own);
  });
  return {
    send(message) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(formatMessage(message));
      if (socket.bufferedAmount > MAX_CONTROL_BACKLOG_BYTES) cut('stuck');
    },
    close: (reason) => {
      close(reason);
    },
  };
}
