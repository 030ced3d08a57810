// What the session core needs from outside: a link to an agent, a log, a recorder of what happened.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { RelayMessage } from '#shared/protocol/control-messages.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';

/** The relay's end of a control link. */
export interface ControlLink {
  /** Sends a message; ignored once the link is closed. */
  send(message: RelayMessage): void;
  /** Closes the link. May be called twice. */
  close(reason: CloseReason): void;
}

/** Constant lower-case messages; data goes in fields. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Counts what happened, for whoever watches the relay. Each call is cheap. */
export interface Recorder {
  agentLinked(): void;
  agentUnlinked(reason: CloseReason): void;
  sessionStarted(setUpSeconds: number): void;
  sessionEnded(reason: CloseReason, seconds: number): void;
  refused(code: RefusalCode): void;
  controlMessageIgnored(): void;
}
