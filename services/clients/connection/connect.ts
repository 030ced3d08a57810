// Connecting: from a client URL to a byte stream to the agent's SSH server, patient and checked.
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { Backoff } from '#shared/time/backoff.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import { pause } from '#shared/time/pause.ts';
import { hostAndPort, waitFor } from '#shared/websocket/dial-failure-text.ts';
import { dialStream, type StreamDialOptions, type StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import type { Mask } from '#shared/websocket/mask-choice.ts';
import { dialTrusting } from '#shared/websocket/trusting-dial.ts';
import { pinHostKey, refusalOf } from '../host-key/pin.ts';
import type {
  Introduced,
  IntroducedDial,
  IntroducedOutcome,
  Introduction,
} from '../identity/introduction.ts';
import type { ClientUrl } from './client-url.ts';
import { type Failure, failureFrom } from './failure.ts';
import type { Notify } from './notice.ts';
import { REDIAL_WAIT_SECONDS, type Resuming, resumeOver } from './resuming.ts';

/** One question to the relay waits no longer than this: balancers cut a response that takes 30 s. */
export const WAIT_CHUNK_MS = 25_000;
/** Until the relay has been asked: a lost packet costs seconds, TLS through a proxy some more. */
export const CONNECT_WITHIN_MS = 10_000;
/** Until it has answered, on top of the wait: it gives the agent 10 s to dial. */
export const ANSWER_WITHIN_MS = 15_000;
/** Whoever waits longer than this is notified of the reason. */
const NOTICE_AFTER_MS = 3_000;
/** Full jitter, in milliseconds, between questions to a relay that answers: the agent is what is waited for. */
const AGENT_BACKOFF = { firstMs: 200, maxMs: 3_000 } as const;
/** And to one that does not answer. Behind a balancer the next connection may lead to another pod: many are worth more than few. */
const RELAY_BACKOFF = { firstMs: 200, maxMs: 1_000 } as const;

export interface ConnectOptions {
  readonly target: ClientUrl;
  readonly proxy: URL | undefined;
  /** How long to wait for the agent to appear, in milliseconds; 0: ask once. */
  readonly waitMs: number;
  /** How long of that a relay that cannot be reached is tried, in milliseconds from when it first should have answered. */
  readonly relayPatienceMs: number;
  /** Of what is sent; zero by default. */
  readonly mask?: Mask;
  /** Says who this program is where a relay asks; without one, that is a refusal. */
  readonly introduction?: Pick<Introduction, 'dial'>;
  readonly clock: Clock;
  /** Takes a line for a person: what is being waited for, at most once per connect, and interruptions later. */
  readonly notify: Notify;
  /** Gives up: the outcome is then `aborted`, unless it was decided before. */
  readonly signal?: AbortSignal;
  /** In tests, in place of the network, of the machine's certificates and of chance. */
  readonly dial?: (url: URL, options: StreamDialOptions) => Promise<StreamDialOutcome>;
  readonly trustSystem?: () => boolean;
  readonly random?: () => number;
}

export interface Connected extends Resuming {
  readonly kind: 'connected';
  /** Once the stream has ended: why the host was refused; undefined if it was not, or if no key was pinned. */
  readonly hostRefusal: () => string | undefined;
}

export type ConnectOutcome =
  | Connected
  | { readonly kind: 'refused' | 'unreachable'; readonly message: string }
  | { readonly kind: 'aborted' };

/** What is known of the relay between two questions. */
type RelaySeen =
  | { readonly kind: 'unknown' }
  /** It answered the last question. */
  | { readonly kind: 'answering' }
  /** It answered that it has no room at the moment, and when to come back: `message`. */
  | { readonly kind: 'full'; readonly message: string }
  /** It has not answered since `since`; `message` says what was in the way last. */
  | { readonly kind: 'silent'; readonly since: number; readonly message: string };

/** Dials until a stream is open, the answer is final, or the patience is over. Never rejects. */
export async function connect(options: ConnectOptions): Promise<ConnectOutcome> {
  const { clock, target, proxy, waitMs, relayPatienceMs, signal } = options;
  let deadline = clock.now() + waitMs;
  const { random = Math.random } = options;
  const agentBackoff = new Backoff({ ...AGENT_BACKOFF, random });
  const relayBackoff = new Backoff({ ...RELAY_BACKOFF, random });
  let relay: RelaySeen = { kind: 'unknown' };
  let cancelNotice: Cancel = () => undefined;
  const noticeLater = (): void => {
    cancelNotice = clock.after(NOTICE_AFTER_MS, () => options.notify(noticeOf(relay, options)));
  };
  noticeLater();
  try {
    for (;;) {
      const askedAt = clock.now();
      // A relay that waits for the agent is as silent as one that is dead: only one that has answered is asked to wait.
      const chunkMs =
        relay.kind === 'answering' ? Math.min(WAIT_CHUNK_MS, Math.max(0, deadline - askedAt)) : 0;
      const { outcome, provingMs } = await ask(options, chunkMs, signal, () => cancelNotice());
      if (isAborted(signal)) return discard(outcome);
      if (outcome.kind === 'open') return open(outcome, options);
      const failure = failureFrom(outcome, target, proxy);
      const now = clock.now();
      // The time of whoever had to sign on is not that of the wait.
      deadline += provingMs;
      if (provingMs > 0) noticeLater();
      // The silence that was asked for does not count.
      relay = afterFailure(relay, failure, Math.min(now, askedAt + chunkMs + provingMs));
      const until = relay.kind === 'silent' ? Math.min(deadline, relay.since + relayPatienceMs) : deadline;
      if (failure.retry === 'never' || now >= until) return { kind: failure.kind, message: failure.message };
      // A relay that took its time over the answer has done the waiting.
      if (chunkMs > 0 && now - askedAt - provingMs >= chunkMs / 2) agentBackoff.reset();
      if (relay.kind !== 'silent') relayBackoff.reset();
      const backoff = relay.kind === 'silent' ? relayBackoff : agentBackoff;
      // A wait that is asked for is kept, though not beyond the patience: then it is asked for the last time.
      const wait = Math.max(backoff.next(), waitFor(failure, random));
      await pause(clock, Math.min(wait, until - now), signal);
      if (isAborted(signal)) return { kind: 'aborted' };
    }
  } finally {
    cancelNotice();
  }
}

function afterFailure(before: RelaySeen, { retry, message, waitMs }: Failure, since: number): RelaySeen {
  if (retry !== 'relay') return waitMs === undefined ? { kind: 'answering' } : { kind: 'full', message };
  return { kind: 'silent', since: before.kind === 'silent' ? before.since : since, message };
}

/** One question to the relay, which may wait for `chunkMs` before it says that there is no such agent, and who asks it. */
async function ask(
  { target, clock, proxy, mask, introduction, dial = dialStream, trustSystem }: ConnectOptions,
  chunkMs: number,
  signal: AbortSignal | undefined,
  onProof: () => void,
): Promise<Introduced> {
  const dialOnce: IntroducedDial = (headers, mayWait) => {
    const url = new URL(target.url);
    const waitMs = mayWait ? chunkMs : 0;
    if (waitMs > 0) url.searchParams.set('wait', String(Math.ceil(waitMs / 1_000)));
    const options: StreamDialOptions = {
      clock,
      reading: 'eager',
      protocols: [RESUME, STREAM],
      headers,
      proxy,
      connectWithinMs: CONNECT_WITHIN_MS,
      timeoutMs: waitMs + ANSWER_WITHIN_MS,
      mask,
      signal,
    };
    return dialTrusting(() => dial(url, options), trustSystem);
  };
  if (introduction === undefined) return { outcome: await dialOnce({}, true), provingMs: 0 };
  return await introduction.dial(dialOnce, { signal, onProof });
}

function open(first: Extract<StreamDialOutcome, { kind: 'open' }>, options: ConnectOptions): Connected {
  const { clock, notify, random = Math.random, target, proxy, waitMs } = options;
  const resuming = resumeOver({
    first,
    clock,
    random,
    notify,
    via: { relay: target.url, proxy },
    waitMs,
    redial: async (signal) =>
      (await ask(options, REDIAL_WAIT_SECONDS * 1_000, signal, () => undefined)).outcome,
  });
  const { pinned } = target;
  if (pinned === undefined) return { kind: 'connected', ...resuming, hostRefusal: () => undefined };
  const stream = pinHostKey(resuming.stream, pinned);
  return { kind: 'connected', ...resuming, stream, hostRefusal: () => refusalOf(stream.verdict, pinned) };
}

function discard(outcome: IntroducedOutcome): ConnectOutcome {
  if (outcome.kind === 'open') outcome.stream.cut({ reason: 'going_away' });
  return { kind: 'aborted' };
}

function noticeOf(relay: RelaySeen, { target, waitMs, relayPatienceMs }: ConnectOptions): string {
  const where = hostAndPort(target.url);
  switch (relay.kind) {
    case 'unknown':
      return `waiting for an answer of relay ${where}`;
    case 'answering':
      return `waiting for agent \`${target.id}\` at ${where}, for up to ${formatDuration(waitMs)}`;
    case 'full':
      return `${relay.message}; trying again for up to ${formatDuration(waitMs)}`;
    case 'silent':
      return `${relay.message}; trying again for up to ${formatDuration(Math.min(waitMs, relayPatienceMs))}`;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
