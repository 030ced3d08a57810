// Close reasons: one word each for the log, the metric and the close frame, with its WebSocket close code.

/**
 * The only table of close codes (RFC 6455 section 7.4; 4000-4999 are ours).
 * `retry` tells a resuming end whether to dial again, `kind` whoever is asked why it is over: it `ended` as designed, the way
 * was `lost`, or something is `broken`.
 */
export const CLOSE_REASONS = {
  ended: { code: 1000, retry: false, kind: 'ended', meaning: 'the session is over' },
  going_away: { code: 1001, retry: true, kind: 'ended', meaning: 'this end is shutting down' },
  text_on_stream: {
    code: 1003,
    retry: false,
    kind: 'broken',
    meaning: 'a stream carries binary messages only',
  },
  not_json: { code: 1003, retry: false, kind: 'broken', meaning: 'a control message must be JSON' },
  lost: { code: 1006, retry: true, kind: 'lost', meaning: 'the transport went away without a close frame' },
  too_big: { code: 1009, retry: false, kind: 'broken', meaning: 'a message is over the limit' },
  bad_frame: { code: 1002, retry: false, kind: 'broken', meaning: 'a frame against the WebSocket protocol' },
  over_budget: {
    code: 1008,
    retry: true,
    kind: 'lost',
    meaning: 'the peer sent more than a link may carry: come back later',
  },
  fault: { code: 1011, retry: true, kind: 'broken', meaning: 'an internal fault' },
  unanswered_ping: {
    code: 1011,
    retry: true,
    kind: 'lost',
    meaning: 'the peer did not answer a ping in time',
  },
  stuck: { code: 1011, retry: true, kind: 'lost', meaning: 'the peer did not take the last bytes in time' },
  restart: { code: 1012, retry: true, kind: 'ended', meaning: 'the relay restarts: come back now' },
  agent_gone: { code: 4404, retry: true, kind: 'ended', meaning: 'the agent went away' },
  expired: { code: 4408, retry: false, kind: 'ended', meaning: 'the agent reached its deadline' },
  superseded: {
    code: 4409,
    retry: false,
    kind: 'ended',
    meaning: 'a newer link of the same agent took over',
  },
  ended_by_operator: {
    code: 4410,
    retry: false,
    kind: 'ended',
    meaning: 'an operator of the relay ended it',
  },
} as const satisfies Record<
  string,
  { code: number; retry: boolean; kind: 'ended' | 'lost' | 'broken'; meaning: string }
>;

export type CloseReason = keyof typeof CLOSE_REASONS;

/** The reason of a received close frame: the word if it is one of ours and fits the code, else by the code. */
export function closeReasonFrom(code: number, text: string): CloseReason {
  if (isCloseReason(text) && CLOSE_REASONS[text].code === code) return text;
  for (const reason of Object.keys(CLOSE_REASONS) as CloseReason[]) {
    if (CLOSE_REASONS[reason].code === code) return reason;
  }
  // 1005: a close frame without a code is how many tools say that they are done.
  return code === 1005 ? 'ended' : 'fault';
}

function isCloseReason(text: string): text is CloseReason {
  return Object.hasOwn(CLOSE_REASONS, text);
}
