// The pump: what moves the bytes of sessions, and can be seen and ended.
import { joinStreams } from '#shared/stream/join.ts';
import type { Joiner } from '../session/needs.ts';

export interface Pump extends Joiner {
  /** Sessions that are moved outside of JavaScript now. */
  readonly size: number;
  /** From now on every session is joined in JavaScript; resolves when all others, closed or cut before, are back there. */
  idle(): Promise<void>;
  /** Cuts whatever session it still has. May be called twice. */
  stop(): void;
}

/** joinStreams alone. */
export const JAVASCRIPT_PUMP: Pump = {
  size: 0,
  join: joinStreams,
  count: () => undefined,
  idle: () => Promise.resolve(),
  stop: () => undefined,
};
