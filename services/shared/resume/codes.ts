// Resume codes: why a transport was refused or a stream was reset; one word each for the wire, the log and the metric.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';

/**
 * The only table of REFUSED and RESET codes: the number on the wire (u16), and what is reported to the local side when its stream
 * ends by it. Numbers are never used twice.
 */
export const RESUME_CODES = {
  unknown_session: { number: 1, reason: 'lost', meaning: 'the agent does not know this session any more' },
  session_exists: { number: 2, reason: 'fault', meaning: 'a session with this id is already in use' },
  bad_offset: { number: 3, reason: 'fault', meaning: 'the ends disagree about which bytes were sent' },
  bad_version: { number: 4, reason: 'fault', meaning: 'the version of the resume protocol is not spoken' },
  too_many_sessions: { number: 5, reason: 'fault', meaning: 'the agent holds as many sessions as it may' },
  open_timeout: { number: 6, reason: 'fault', meaning: 'the opening frame did not arrive in time' },
  protocol_error: {
    number: 7,
    reason: 'fault',
    meaning: 'a frame that is unknown, malformed or out of place',
  },
  too_big: { number: 8, reason: 'fault', meaning: 'a frame over the size limit' },
  flow_violation: { number: 9, reason: 'fault', meaning: 'more unacknowledged bytes than the window allows' },
  bad_ack: { number: 10, reason: 'fault', meaning: 'an acknowledgement of bytes that were never sent' },
  aborted: { number: 11, reason: 'fault', meaning: 'the stream was cut at the other end' },
  stuck: { number: 12, reason: 'stuck', meaning: 'the last bytes were not taken in time' },
  expired: { number: 13, reason: 'expired', meaning: 'the agent reached its deadline' },
  going_away: { number: 14, reason: 'going_away', meaning: 'the other end is shutting down' },
} as const satisfies Record<string, { number: number; reason: CloseReason; meaning: string }>;

export type ResumeCode = keyof typeof RESUME_CODES;

/** The word for a number from the wire; a number from a newer version reads as `aborted`. */
export function resumeCodeFrom(number: number): ResumeCode {
  for (const code of Object.keys(RESUME_CODES) as ResumeCode[]) {
    if (RESUME_CODES[code].number === number) return code;
  }
  return 'aborted';
}

/** How a stream ends by `code`, for its local side. */
export function endOf(code: ResumeCode): StreamEnd {
  const { reason, meaning } = RESUME_CODES[code];
  return { reason, detail: `${meaning} (${code})` };
}

/** What RESET says when the local side cuts its stream for `reason`. */
export function resumeCodeOfCut(reason: CloseReason): ResumeCode {
  if (reason === 'expired' || reason === 'going_away') return reason;
  return 'aborted';
}
