// What happens to a resumable stream, for logs and counters.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { ResumeCode } from './codes.ts';

export type ResumeEvent =
  /** The two ends met for the first time. */
  | { readonly kind: 'opened' }
  /** The transport went away; the stream goes on without one. */
  | { readonly kind: 'detached'; readonly reason: CloseReason; readonly detail?: string | Untrusted }
  /** It goes on over a new transport: after how long without one, and how much is sent again. */
  | { readonly kind: 'resumed'; readonly afterMs: number; readonly replayedBytes: number }
  /** No transport came within the resume window. */
  | { readonly kind: 'given_up'; readonly afterMs: number }
  /** An operator of the relay ended it, by a close code of its transport. */
  | { readonly kind: 'ended_by_operator' }
  /** RESET, sent by us or by the peer. */
  | {
      readonly kind: 'reset';
      readonly by: 'us' | 'peer';
      readonly code: ResumeCode;
      readonly detail?: string;
    }
  /** A transport was refused; no stream has changed. */
  | { readonly kind: 'refused'; readonly code: ResumeCode; readonly detail?: string }
  /** Both directions are finished and acknowledged. */
  | { readonly kind: 'finished' };
