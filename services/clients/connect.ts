// Connecting: from a client URL to a byte stream to the agent's SSH server, patient and checked.
import { isUnknownAuthority, trustSystemCertificates } from '#shared/certificates.ts';
import type { Clock } from '#shared/clock.ts';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { Backoff } from '#shared/stream/backoff.ts';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { type DialOptions, type DialOutcome, dialWebSocket } from '#shared/stream/dial.ts';
import type { Mask } from '#shared/stream/mask.ts';
import { MAX_STREAM_MESSAGE_BYTES } from '#shared/stream/web-socket-stream.ts';
import type { ClientUrl } from './client-url.ts';
import { formatDuration } from './duration.ts';
import { type Failure, failureOfAnswer, failureOfSilence, hostAndPort } from './failure.ts';
import { pinHostKey, refusalOf } from './host-key/pin.ts';
import { REDIAL_WAIT_SECONDS, resumeOver } from './resuming.ts';

/** One question to the relay waits no longer than this: balancers cut a response that takes 30 s. */
export const WAIT_CHUNK_MS = 25_000;
/** On top of the wait: the relay gives the agent 10 s to dial, and TLS through a proxy takes its time. */
export const ANSWER_WITHIN_MS = 15_000;
/** Whoever waits longer than this is told what for. */
const NOTICE_AFTER_MS = 3_000;
const BACKOFF = { firstMs: 200, maxMs: 3_000 } as const;

export interface ConnectOptions {
  readonly target: ClientUrl;
  readonly proxy: URL | undefined;
  /** How long to wait for the agent to appear, in milliseconds; 0: ask once. */
  readonly waitMs: number;
  /** How long of that a relay that cannot be reached is tried again, in milliseconds. */
  readonly relayPatienceMs: number;
  /** Of what is sent; random by default. */
  readonly mask?: Mask;
  readonly clock: Clock;
  /** Takes a line for a person: what is being waited for, at most once per connect, and interruptions later. */
  readonly notify: (line: string) => void;
  /** Gives up: the outcome is then `aborted`, unless it was decided before. */
  readonly signal?: AbortSignal;
  /** In tests, in place of the network, of the machine's certificates and of chance. */
  readonly dial?: (url: URL, options: DialOptions) => Promise<DialOutcome>;
  readonly trustSystem?: () => boolean;
  readonly random?: () => number;
}

export interface Connected {
  readonly kind: 'connected';
  /** To the agent's SSH server. Nobody has attached to it. */
  readonly stream: ByteStream;
  /** Resolves when nothing more will be sent: a program must live until then. */
  readonly over: Promise<void>;
  /** Whether there is no way to the agent at the moment. */
  readonly isInterrupted: () => boolean;
  /** Once the stream has ended: why the host was refused; undefined if it was not, or if no key was pinned. */
  readonly hostRefusal: () => string | undefined;
}

export type ConnectOutcome =
  | Connected
  | { readonly kind: 'refused' | 'unreachable'; readonly message: string }
  | { readonly kind: 'aborted' };

/** Dials until a stream is open, the answer is final, or the patience is over. Never rejects. */
export async function connect(options: ConnectOptions): Promise<ConnectOutcome> {
  const { clock, waitMs, relayPatienceMs, signal } = options;
  const deadline = clock.now() + waitMs;
  const backoff = new Backoff({ ...BACKOFF, random: options.random ?? Math.random });
  let relaySeenAt = clock.now();
  let failure: Failure | undefined;
  const cancelNotice = clock.after(NOTICE_AFTER_MS, () => {
    options.notify(noticeOf(failure, options));
  });
  try {
    for (;;) {
      const askedAt = clock.now();
      const chunkMs = Math.min(WAIT_CHUNK_MS, Math.max(0, deadline - askedAt));
      const outcome = await dialTrusting(options, chunkMs);
      if (isAborted(signal)) return discard(outcome);
      if (outcome.kind === 'open') return open(outcome, options);
      failure = failureOf(outcome, options);
      const now = clock.now();
      if (failure.retry !== 'relay') relaySeenAt = now;
      const until = failure.retry === 'relay' ? Math.min(deadline, relaySeenAt + relayPatienceMs) : deadline;
      if (failure.retry === 'never' || now >= until) return { kind: failure.kind, message: failure.message };
      // A relay that took its time over the answer has done the waiting.
      if (now - askedAt >= chunkMs / 2) backoff.reset();
      await pause(clock, Math.min(backoff.next(), until - now), signal);
      if (isAborted(signal)) return { kind: 'aborted' };
    }
  } finally {
    cancelNotice();
  }
}

/** One question to the relay; asked again at once if the machine's own authorities may make its certificate a good one. */
async function dialTrusting(options: ConnectOptions, chunkMs: number): Promise<DialOutcome> {
  const {
    target,
    proxy,
    mask,
    signal,
    dial = dialWebSocket,
    trustSystem = trustSystemCertificates,
  } = options;
  const url = new URL(target.url);
  if (chunkMs > 0) url.searchParams.set('wait', String(Math.ceil(chunkMs / 1_000)));
  const dialOptions: DialOptions = {
    protocols: [RESUME, STREAM],
    proxy,
    timeoutMs: chunkMs + ANSWER_WITHIN_MS,
    maxMessageBytes: MAX_STREAM_MESSAGE_BYTES,
    mask,
    signal,
  };
  const outcome = await dial(url, dialOptions);
  const isWorthAnother = outcome.kind === 'unreachable' && isUnknownAuthority(outcome.code) && trustSystem();
  return isWorthAnother ? dial(url, dialOptions) : outcome;
}

function open(first: Extract<DialOutcome, { kind: 'open' }>, options: ConnectOptions): Connected {
  const { clock, notify, random = Math.random, target } = options;
  const { stream, ...rest } = resumeOver({
    first,
    clock,
    random,
    notify,
    route: options,
    redial: (signal) => dialTrusting({ ...options, signal }, REDIAL_WAIT_SECONDS * 1000),
  });
  const { pinned } = target;
  if (pinned === undefined) return { kind: 'connected', stream, ...rest, hostRefusal: () => undefined };
  const checked = pinHostKey(stream, pinned);
  return {
    kind: 'connected',
    stream: checked,
    ...rest,
    hostRefusal: () => refusalOf(checked.verdict, pinned),
  };
}

function discard(outcome: DialOutcome): ConnectOutcome {
  if (outcome.kind === 'open') outcome.socket.terminate();
  return { kind: 'aborted' };
}

function failureOf(outcome: Exclude<DialOutcome, { kind: 'open' }>, route: ConnectOptions): Failure {
  return outcome.kind === 'refused' ? failureOfAnswer(outcome, route) : failureOfSilence(outcome, route);
}

function noticeOf(failure: Failure | undefined, { target, waitMs, relayPatienceMs }: ConnectOptions): string {
  if (failure?.retry === 'relay') {
    return `${failure.message}; trying again for up to ${formatDuration(Math.min(waitMs, relayPatienceMs))}`;
  }
  const where = hostAndPort(target.url);
  return waitMs === 0
    ? `waiting for an answer of relay ${where}`
    : `waiting for agent \`${target.id}\` at ${where}, for up to ${formatDuration(waitMs)}`;
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const wake = (): void => {
    resolve();
  };
  signal?.addEventListener('abort', wake, { once: true });
  return promise.finally(() => {
    cancel();
    signal?.removeEventListener('abort', wake);
  });
}
