// The end of a stream to an agent, in one line for a person.
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';

export type Farewell =
  /** As designed; `message` only if the person may wonder. */
  | { readonly kind: 'ended'; readonly message: string | undefined }
  /** Somebody or something broke it. */
  | { readonly kind: 'broken'; readonly message: string };

/** What it means that the relay's side of a session ended with `end`. */
export function farewellOf(end: StreamEnd): Farewell {
  switch (end.reason) {
    case 'ended':
      return { kind: 'ended', message: undefined };
    case 'agent_gone':
    case 'expired':
    case 'superseded':
    case 'going_away':
    case 'restart':
      return { kind: 'ended', message: `the connection was closed: ${CLOSE_REASONS[end.reason].meaning}` };
    case 'lost':
    case 'fault':
    case 'bad_frame':
    case 'unanswered_ping':
    case 'stuck':
    case 'too_big':
    case 'text_on_stream':
    case 'not_json':
      return {
        kind: 'broken',
        message: `the connection broke: ${end.detail ?? CLOSE_REASONS[end.reason].meaning}`,
      };
  }
}
