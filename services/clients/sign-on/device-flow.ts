// The device flow (RFC 8628): a person signs on in a browser, anywhere, while this program asks now and then whether that is done.
import { REFUSALS } from '#shared/protocol/refusals.ts';
import {
  type DeviceSignOn,
  parseDeviceSignOn,
  parseSignOnProgress,
  type SignedOn,
  type SignOnProgress,
} from '#shared/protocol/sign-on.ts';
import type { Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import { pause } from '#shared/time/pause.ts';
import { type DialledVia, dialFailureFrom, waitFor } from '#shared/websocket/dial-failure-text.ts';
import type { AskSignOn, SignOnAnswer } from './relay-question.ts';

/** A person has this long, in milliseconds, also where the provider gives more: nobody may be there. */
export const SIGN_ON_WITHIN_MS = 15 * 60_000;

/** Nobody is asked more rarely than this, in milliseconds: the person waits for it. */
export const MAX_SIGN_ON_INTERVAL_MS = 60_000;

/** By as much a question comes later from then on when a relay says so, in milliseconds (section 3.5). */
const SLOW_DOWN_BY_MS = 5_000;

export interface SigningOn {
  readonly ask: AskSignOn;
  /** Of whom, for the messages. */
  readonly via: DialledVia;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes a line for the person. */
  readonly notify: (line: string) => void;
  readonly signal: AbortSignal;
}

export type SignOnOutcome =
  | { readonly kind: 'signed_on'; readonly signedOn: SignedOn }
  /** A sentence for the person. `isFinal`: the relay or the provider said no, rather than nothing. */
  | { readonly kind: 'failed'; readonly message: string; readonly isFinal: boolean }
  | { readonly kind: 'aborted' };

type Failed = Extract<SignOnOutcome, { kind: 'failed' }>;

/** Lets the person sign on. Never rejects. */
export async function signOnByDevice(signingOn: SigningOn): Promise<SignOnOutcome> {
  const { ask, via, clock, notify, signal } = signingOn;
  const begun = readAnswer(await ask('device', {}, signal), parseDeviceSignOn, signingOn);
  if (signal.aborted) return { kind: 'aborted' };
  if (begun.kind === 'failed') return begun;
  const { answer } = begun;
  const withinMs = Math.min(SIGN_ON_WITHIN_MS, answer.expiresSeconds * 1_000);
  for (const line of linesOf(answer, via, withinMs)) notify(line);
  return await awaitPerson(answer, withinMs, clock.now() + withinMs, signingOn);
}

/** Asks for another token with `refresh`. Never rejects. */
export async function refreshSignOn(refresh: string, signingOn: SigningOn): Promise<SignOnOutcome> {
  const { ask, signal } = signingOn;
  const reading = readAnswer(await ask('refresh', { refresh }, signal), parseSignOnProgress, signingOn);
  if (signal.aborted) return { kind: 'aborted' };
  if (reading.kind === 'failed') return reading;
  const { answer } = reading;
  if (answer.kind === 'pending') return unreadable(signingOn);
  // One that is not replaced stays good (RFC 6749 section 6).
  return { kind: 'signed_on', signedOn: { ...answer.signedOn, refresh: answer.signedOn.refresh || refresh } };
}

async function awaitPerson(
  { handle, intervalSeconds }: DeviceSignOn,
  withinMs: number,
  deadline: number,
  signingOn: SigningOn,
): Promise<SignOnOutcome> {
  const { ask, clock, random, signal } = signingOn;
  let intervalMs = Math.min(intervalSeconds * 1_000, MAX_SIGN_ON_INTERVAL_MS);
  let waitMs = intervalMs;
  for (;;) {
    const left = deadline - clock.now();
    if (left <= 0) {
      const message = `nobody signed on within ${formatDuration(withinMs)}; start again when you can`;
      return { kind: 'failed', message, isFinal: true };
    }
    await pause(clock, Math.min(waitMs, left), signal);
    if (signal.aborted) return { kind: 'aborted' };
    const answer = await ask('token', { handle }, signal);
    if (isAborted(signal)) return { kind: 'aborted' };
    const reading = readAnswer<SignOnProgress>(answer, parseSignOnProgress, signingOn);
    if (reading.kind === 'answer' && reading.answer.kind === 'signed_on') return reading.answer;
    if (reading.kind === 'failed' && reading.isFinal) return reading;
    // Whoever does not answer, or has too much to do, is asked less often, too.
    const asked = reading.kind === 'failed' ? waitFor(reading, random) : 0;
    const isSlower =
      reading.kind === 'failed' || (reading.answer.kind === 'pending' && reading.answer.slowDown);
    if (isSlower) intervalMs += SLOW_DOWN_BY_MS;
    intervalMs = Math.min(intervalMs, MAX_SIGN_ON_INTERVAL_MS);
    waitMs = Math.max(intervalMs, asked);
  }
}

/** What an answer says, by `parse`; or why it is none. */
function readAnswer<Answer>(
  answer: SignOnAnswer,
  parse: (body: string) => Answer | undefined,
  { via }: SigningOn,
): { readonly kind: 'answer'; readonly answer: Answer } | (Failed & { readonly waitMs?: number }) {
  if (answer.kind === 'open') {
    const read = parse(answer.body);
    return read === undefined ? unreadable({ via }) : { kind: 'answer', answer: read };
  }
  const failure = dialFailureFrom(answer, via);
  const { message } = failure;
  switch (failure.kind) {
    case 'refusal': {
      const wait = failure.waitMs === undefined ? {} : { waitMs: failure.waitMs };
      return { kind: 'failed', message, isFinal: !REFUSALS[failure.code].retry, ...wait };
    }
    case 'stranger':
    case 'silence':
      return { kind: 'failed', message, isFinal: !failure.passes };
  }
}

function unreadable({ via }: Pick<SigningOn, 'via'>): Failed {
  const message = `${via.relay.host} gave an answer about the sign-on that cannot be read; are both of the same version?`;
  return { kind: 'failed', message, isFinal: true };
}

/** Two lines: where to go, and with what. */
function linesOf(
  { verificationUri, verificationUriComplete, userCode }: DeviceSignOn,
  { relay }: DialledVia,
  withinMs: number,
): string[] {
  const limit = `within ${formatDuration(withinMs)}`;
  return verificationUriComplete === undefined
    ? [
        `${relay.host} asks you to sign on: open ${verificationUri}`,
        `and type the code ${userCode} there, ${limit}`,
      ]
    : [
        `${relay.host} asks you to sign on: open ${verificationUriComplete}`,
        `and see that it shows the code ${userCode}; ${limit}`,
      ];
}

/** In a function, since TypeScript believes that it cannot have changed. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
