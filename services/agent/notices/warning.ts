// What people read at their terminals when the end is near, and when it has come.
import { formatDuration } from '#shared/time/duration.ts';
import { END_REASONS, type EndReason } from '../expiry/end-reason.ts';

/** The warning before the deadline. With `isCapped` no hold helps any more, so none is offered. */
export function warningFrom({ remainingMs, isCapped }: { remainingMs: number; isCapped: boolean }): string {
  const when = `converge: this session ends in ${formatDuration(remainingMs)}`;
  return isCapped
    ? `${when}: the job reaches its longest lifetime; save your work`
    : `${when}; \`converge hold 1h\` keeps it`;
}

/** The last line in every terminal before it closes. */
export function farewellFrom(reason: EndReason): string {
  return `converge: this session ends now: ${END_REASONS[reason]}`;
}
