// Opening a job: what the page passes, what it is told on the way, and what comes of it.
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { SignIn } from '../ssh/sign-in/sign-in-ways.ts';
import type { Job } from './job.ts';

/** What a page shows while it is on. In this order, but for `banner`, which may come before `open`. */
export type JobEvent =
  /** On the way to the relay and the agent. */
  | { readonly kind: 'connecting' }
  /** Nobody there yet: the relay or the agent is waited for. */
  | { readonly kind: 'waiting'; readonly sentence: string }
  /** The host has proved its key; from here on everything is encrypted. */
  | { readonly kind: 'host_proved'; readonly hostKey: string; readonly exchange: string }
  | { readonly kind: 'banner'; readonly text: Untrusted }
  | { readonly kind: 'open' }
  /** No way to the agent since `sinceMs` (of the epoch): dialled again, the session waits, for `windowMs` in all. */
  | { readonly kind: 'reconnecting'; readonly sinceMs: number; readonly windowMs: number }
  /** And why, once somebody has said; may come again and again. */
  | { readonly kind: 'still_reconnecting'; readonly sinceMs: number; readonly sentence: string }
  | { readonly kind: 'resumed'; readonly afterMs: number }
  /** The last one, after `open`. */
  | { readonly kind: 'ended'; readonly end: JobEnd };

/** Why a job that was open is over. */
export interface JobEnd {
  readonly kind: /** By the page itself. */
    | 'closed'
    /** The job said so, and `sentence` is why, in its words. Nobody on the way can say it in its place. */
    | 'ended'
    /** Somebody on the way ended the connection: the relay, its operator, or what stands before it. */
    | 'cut'
    /** The way to the agent was lost for too long. */
    | 'lost'
    /** Somebody broke the protocol, or tampered. */
    | 'broken';
  /** For a person. */
  readonly sentence: string;
}

export type JobOutcome =
  | { readonly kind: 'open'; readonly job: Job }
  /** Nothing was sent but the key exchange. */
  | { readonly kind: 'wrong_host_key'; readonly presented: string; readonly sentence: string }
  /** The host took none of what was tried; `ways` is what it would take. */
  | { readonly kind: 'not_let_in'; readonly ways: readonly string[]; readonly sentence: string }
  /** The relay is there, the agent is not. */
  | { readonly kind: 'no_such_id'; readonly sentence: string }
  /** By the relay; `code` is one of docs/protocol.md, undefined where a page cannot know. `kinds` of proof would do. */
  | {
      readonly kind: 'refused';
      readonly code: string | undefined;
      readonly kinds: readonly string[];
      readonly sentence: string;
    }
  | { readonly kind: 'unreachable'; readonly sentence: string }
  /** What answered is no SSH of ours, or somebody tampered. */
  | { readonly kind: 'broken'; readonly sentence: string }
  /** By `signal`, or because `confirmHostKey` said no. */
  | { readonly kind: 'aborted' };

export interface JobOptions {
  /** `wss://HOST/client/ID`, any prefix before `/client/`; a fragment counts as a pin if `pin` is undefined. */
  readonly url: string;
  /** `SHA256:…`; undefined: `confirmHostKey` is asked. */
  readonly pin: string | undefined;
  /** Without a pin: whether this is the host. Nothing but the key exchange was sent so far. Left out: no. */
  readonly confirmHostKey?: (hostKey: string) => Promise<boolean>;
  readonly user: string;
  readonly signIn: SignIn;
  readonly events: (event: JobEvent) => void;
  /** How long an agent that is not there (yet) is waited for, in milliseconds; 0 by default. */
  readonly waitMs?: number;
  /** Gives up, or closes the job. */
  readonly signal?: AbortSignal;
}
