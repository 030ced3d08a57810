// What people read at their terminals when the end is near, and when it has come.
import { formatDuration } from '#shared/time/duration.ts';
import { END_REASONS, type EndReason } from '../expiry/end-reason.ts';

export interface WarningInput {
  readonly remainingMs: number;
  /** No hold helps any more, so none is offered. */
  readonly isCapped: boolean;
  /** It is the relay that gives no more time. */
  readonly isRelayFirst: boolean;
}

/** The warning before the deadline. */
export function warningFrom({ remainingMs, isCapped, isRelayFirst }: WarningInput): string {
  const when = `converge: this session ends in ${formatDuration(remainingMs)}`;
  const why = isRelayFirst ? 'the relay gives it no more time' : 'the job reaches its longest lifetime';
  return isCapped ? `${when}: ${why}; save your work` : `${when}; \`converge hold 1h\` keeps it`;
}

/** What is said at the end. */
export interface LastWords {
  /** The last line in every terminal before it closes. */
  readonly farewell: string;
  /** What the program at the other end is told. */
  readonly reason: string;
}

/** `reason`: undefined for a failure. */
export function lastWordsFrom(reason: EndReason | undefined): LastWords {
  if (reason === undefined) return { farewell: FAREWELL, reason: 'the agent failed' };
  return { farewell: `${FAREWELL}: ${END_REASONS[reason]}`, reason: END_REASONS[reason] };
}

const FAREWELL = 'converge: this session ends now';
