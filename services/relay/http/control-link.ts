// The relay's end of a control link over a WebSocket.
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '#shared/clock.ts';
import { CLOSE_REASONS, type CloseReason, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import { type AgentMessage, formatMessage, parseAgentMessage } from '#shared/protocol/control-messages.ts';
import { CLOSE_WITHIN_MS, startKeepalive } from '#shared/stream/keepalive.ts';
import type { ControlLink } from '../session/ports.ts';

/** An agent that lets this much pile up, in bytes, does not read its link and is cut. */
export const MAX_CONTROL_BACKLOG_BYTES = 256 * 1024;

export interface ControlLinkOptions {
  readonly clock: Clock;
  readonly onMessage: (message: AgentMessage) => void;
  /** A message of a type that this version does not know. */
  readonly onIgnored: (type: string) => void;
  /** Once. */
  readonly onClosed: (reason: CloseReason) => void;
}

/** Takes charge of a WebSocket that was just opened. */
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
  const close = (reason: CloseReason): void => {
    if (own !== undefined) return;
    own = reason;
    socket.close(CLOSE_REASONS[reason].code, reason);
    cancelClose = clock.after(CLOSE_WITHIN_MS, () => {
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

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (own !== undefined) return;
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
    own ??= error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'too_big' : 'lost';
  });
  socket.on('close', (code: number, text: Buffer) => {
    stopKeepalive();
    cancelClose?.();
    onClosed(own ?? closeReasonFrom(code, text.toString()));
  });
  return {
    send(message) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(formatMessage(message));
      if (socket.bufferedAmount > MAX_CONTROL_BACKLOG_BYTES) cut('stuck');
    },
    close,
  };
}
