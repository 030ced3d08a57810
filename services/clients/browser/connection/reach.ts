// Reaching a job for the first time: dials until there is a transport, the answer is final, or the patience is over.
import { REFUSALS, type Refusal } from '#shared/protocol/refusals.ts';
import { Backoff } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import type { JobUrl } from './job-url.ts';
import { dialFromPage, type PageDialOptions, type PageDialOutcome, type PageStream } from './page-dial.ts';

/** One question to the relay waits no longer than this, in seconds: balancers cut a response that takes 30 s. */
const WAIT_CHUNK_SECONDS = 25;
/** How long a relay that does not answer is tried, in milliseconds: behind a balancer the next connection leads to another pod. */
export const PAGE_RELAY_PATIENCE_MS = 5_000;
/** Full jitter between two questions, in milliseconds. */
const REACH_BACKOFF = { firstMs: 200, maxMs: 2_000 } as const;

export interface ReachOptions {
  readonly target: JobUrl;
  /** How long an agent that is not there is waited for, in milliseconds. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onWaiting: (sentence: string) => void;
  /** In tests, in place of the network. */
  readonly dial?: (options: PageDialOptions) => Promise<PageDialOutcome>;
}

export type ReachOutcome =
  | { readonly kind: 'open'; readonly stream: PageStream }
  | { readonly kind: 'no_such_id'; readonly sentence: string }
  /** `kinds` of proof would do, where one is asked for. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly kinds: readonly string[];
      readonly sentence: string;
    }
  | { readonly kind: 'unreachable'; readonly sentence: string }
  | { readonly kind: 'aborted' };

/** Never rejects. */
export async function reachJob(options: ReachOptions): Promise<ReachOutcome> {
  const { target, waitMs, clock, random, signal, onWaiting, dial = dialFromPage } = options;
  const backoff = new Backoff({ ...REACH_BACKOFF, random });
  const startedAt = clock.now();
  let isAnswering = false;
  let told: string | undefined;
  for (;;) {
    const leftMs = Math.max(0, startedAt + waitMs - clock.now());
    // A relay that waits is as silent as one that is dead: only one that has answered is asked to wait.
    const waitSeconds = isAnswering ? Math.min(WAIT_CHUNK_SECONDS, Math.ceil(leftMs / 1_000)) : 0;
    const outcome = await dial({ target, waitSeconds, clock, signal });
    if (signal.aborted) {
      if (outcome.kind === 'open') outcome.stream.cut({ reason: 'going_away' });
      return { kind: 'aborted' };
    }
    if (outcome.kind === 'open') return outcome;
    const spentMs = clock.now() - startedAt;
    const { failure, mayPass } = judge(outcome, target);
    isAnswering = outcome.kind === 'refused';
    const patienceMs = isAnswering ? waitMs : PAGE_RELAY_PATIENCE_MS;
    if (!mayPass || spentMs >= patienceMs) return failure;
    if (told !== failure.sentence) onWaiting(failure.sentence);
    told = failure.sentence;
    await pause(clock, backoff.next(), signal);
  }
}

type ReachFailure = Extract<ReachOutcome, { readonly sentence: string }>;

function judge(
  outcome: Exclude<PageDialOutcome, { kind: 'open' }>,
  { id, url }: JobUrl,
): { readonly failure: ReachFailure; readonly mayPass: boolean } {
  if (outcome.kind === 'silent') {
    const sentence = `no connection to ${url.host}: it cannot be reached, or it takes none from this page`;
    return { failure: { kind: 'unreachable', sentence }, mayPass: true };
  }
  const { code, demand } = outcome.refusal;
  if (code === 'agent_not_found') {
    const sentence = `no job \`${id}\` at ${url.host}: it may have ended, or not started yet`;
    return { failure: { kind: 'no_such_id', sentence }, mayPass: true };
  }
  // A block may be lifted, but lasts for a minute at least: whoever reads of it at once can ask.
  const mayPass = REFUSALS[code].retry && code !== 'blocked';
  const sentence = refusalSentence(outcome.refusal);
  return { failure: { kind: 'refused', code, kinds: demand?.kinds ?? [], sentence }, mayPass };
}

/** What a relay said, for a person. */
export function refusalSentence({ code, message }: Refusal): string {
  return `the relay says: ${message.printable()} (${code})`;
}
