// The device flow against a relay by script: how often it is asked, what the person reads, and how it ends.
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import {
  MAX_SIGN_ON_INTERVAL_MS,
  refreshSignOn,
  SIGN_ON_WITHIN_MS,
  type SigningOn,
  type SignOnOutcome,
  signOnByDevice,
} from '../../../../services/clients/sign-on/device-flow.ts';
import type { SignOnAnswer } from '../../../../services/clients/sign-on/relay-question.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const DEVICE = {
  verificationUri: 'https://login.example/device',
  userCode: 'WDJB-MJHT',
  handle: 'handle',
  intervalSeconds: 5,
  expiresSeconds: 600,
};
const SIGNED_ON = { token: 't', refresh: 'r', expiresAt: 5_000_000 };

function body(value: unknown): SignOnAnswer {
  return { kind: 'open', body: typeof value === 'string' ? value : JSON.stringify(value) };
}

function refusal(code: RefusalCode, status: number, retryAfterMs?: number): SignOnAnswer {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { kind: 'refused', status, refusal: { code, message: new Untrusted(`because ${code}`) }, ...wait };
}

const PENDING = body({ pending: true });
const SLOWER = body({ pending: true, slowDown: true });
const GONE: SignOnAnswer = { kind: 'unreachable', code: 'ECONNREFUSED', detail: 'no' };

interface Flow {
  readonly outcome: SignOnOutcome;
  /** Path and body of each question. */
  readonly asked: [string, object][];
  /** Milliseconds from the beginning to each question for a token. */
  readonly at: number[];
  readonly lines: string[];
}

/** `answers` to the questions for a token; the last one is repeated. */
async function run(
  answers: readonly SignOnAnswer[],
  options: { readonly device?: SignOnAnswer; readonly abortAtMs?: number; readonly refresh?: string } = {},
): Promise<Flow> {
  const clock = new ManualClock(0);
  const abort = new AbortController();
  const flow = { asked: [] as [string, object][], at: [] as number[], lines: [] as string[] };
  if (options.abortAtMs !== undefined) clock.after(options.abortAtMs, () => abort.abort());
  const signingOn: SigningOn = {
    clock,
    random: () => 0,
    via: { relay: new URL('wss://relay.example/client/x'), proxy: undefined },
    signal: abort.signal,
    notify: (line) => flow.lines.push(line),
    ask(path, question) {
      flow.asked.push([path, question]);
      if (path === 'device') return Promise.resolve(options.device ?? body(DEVICE));
      flow.at.push(clock.now());
      return Promise.resolve(answers[Math.min(flow.at.length, answers.length) - 1] ?? GONE);
    },
  };
  const ended: SignOnOutcome[] = [];
  void (
    options.refresh === undefined ? signOnByDevice(signingOn) : refreshSignOn(options.refresh, signingOn)
  ).then((result) => ended.push(result));
  for (let turn = 0; ended.length === 0 && turn < 5_000; turn++) {
    await new Promise(setImmediate);
    clock.advance(500);
  }
  const [outcome] = ended;
  if (outcome === undefined) throw new Error('it did not end');
  expect(clock.pending).toBeLessThanOrEqual(1);
  return { outcome, ...flow };
}

test('the person reads two lines, and is signed on when that is done', async () => {
  const { outcome, asked, at, lines } = await run([PENDING, PENDING, body(SIGNED_ON)]);
  const question = ['token', { handle: 'handle' }];
  expect(outcome).toEqual({ kind: 'signed_on', signedOn: SIGNED_ON });
  expect(lines).toEqual([
    'relay.example asks you to sign on: open https://login.example/device',
    'and type the code WDJB-MJHT there, within 10 minutes',
  ]);
  expect(asked).toEqual([['device', {}], question, question, question]);
  expect(at.map((ms, n) => ms - (at[n - 1] ?? 0))).toEqual([5_000, 5_000, 5_000]);
});

test('a page that has the code in it is offered in place of the other, and the code beside it', async () => {
  const complete = 'https://login.example/device?user_code=WDJB-MJHT';
  const { lines } = await run([body(SIGNED_ON)], {
    device: body({ ...DEVICE, verificationUriComplete: complete }),
  });
  expect(lines).toEqual([
    `relay.example asks you to sign on: open ${complete}`,
    'and see that it shows the code WDJB-MJHT; within 10 minutes',
  ]);
});

describe('questions', () => {
  test('come later by 5 s whenever the relay says so, and stay so', async () => {
    const { at } = await run([SLOWER, PENDING, SLOWER, PENDING, body(SIGNED_ON)]);
    expect(at.map((ms, n) => ms - (at[n - 1] ?? 0))).toEqual([5_000, 10_000, 10_000, 15_000, 15_000]);
  });

  test('never come more rarely than once a minute', async () => {
    const device = body({ ...DEVICE, intervalSeconds: 3_000, expiresSeconds: 900 });
    const { at } = await run([SLOWER, PENDING, body(SIGNED_ON)], { device });
    expect(Math.max(...at.map((ms, n) => ms - (at[n - 1] ?? 0)))).toBe(MAX_SIGN_ON_INTERVAL_MS);
  });

  test('go on when the relay is away or full for a while, less often', async () => {
    const { outcome, at } = await run([GONE, refusal('rate_limited', 429, 30_000), PENDING, body(SIGNED_ON)]);
    expect(outcome).toMatchObject({ kind: 'signed_on' });
    expect(at.map((ms, n) => ms - (at[n - 1] ?? 0))).toEqual([5_000, 10_000, 30_000, 15_000]);
  });
});

describe('the end', () => {
  test.each([
    [refusal('sso_refused', 401), 'relay.example refused: because sso_refused (sso_refused)'],
    [refusal('sso_expired', 401), 'relay.example refused: because sso_expired (sso_expired)'],
    [body('{'), /gave an answer about the sign-on that cannot be read/],
    [body({ token: 'a b', refresh: 'r', expiresAt: 1 }), /cannot be read/],
    [
      { kind: 'unreachable', code: 'PROTOCOL', detail: 'too much' } as const,
      'relay relay.example:443: too much',
    ],
  ])('is a sentence after %j', async (answer, message) => {
    const { outcome, asked } = await run([PENDING, answer]);
    const text = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(outcome).toEqual({ kind: 'failed', message: text, isFinal: true });
    expect(asked).toHaveLength(3);
  });

  test.each([600, 86_400])(
    'comes when nobody signs on, if the code is good for %s s',
    async (expiresSeconds) => {
      const { outcome, at } = await run([PENDING], { device: body({ ...DEVICE, expiresSeconds }) });
      const withinMs = Math.min(SIGN_ON_WITHIN_MS, expiresSeconds * 1_000);
      expect(outcome).toEqual({
        kind: 'failed',
        message: `nobody signed on within ${withinMs / 60_000} minutes; start again when you can`,
        isFinal: true,
      });
      expect(at.at(-1)).toBeGreaterThan(withinMs - 10_000);
      expect(at.at(-1)).toBeLessThanOrEqual(withinMs);
    },
  );

  test('comes at once when the program is told to end', async () => {
    const { outcome, at } = await run([PENDING], { abortAtMs: 12_000 });
    expect(outcome).toEqual({ kind: 'aborted' });
    expect(at).toEqual([5_000, 10_000]);
  });

  test.each([
    [body({ ...DEVICE, userCode: '\u001b[2J' }), true],
    [body({ ...DEVICE, verificationUri: 'https://login.example/\u0007' }), true],
    [body('x'.repeat(32_768)), true],
    [refusal('not_found', 404), true],
    [refusal('issuer_unavailable', 503), false],
    [GONE, false],
  ])('comes before anything is printed if it cannot begin', async (device, isFinal) => {
    const { outcome, lines, asked } = await run([PENDING], { device });
    expect(outcome).toMatchObject({ kind: 'failed', isFinal });
    expect(lines).toEqual([]);
    expect(asked).toHaveLength(1);
  });
});

describe('a refresh', () => {
  test('gives another token, and another refresh token', async () => {
    const { outcome, asked, lines } = await run([body(SIGNED_ON)], { refresh: 'old' });
    expect(outcome).toEqual({ kind: 'signed_on', signedOn: SIGNED_ON });
    expect(asked).toEqual([['refresh', { refresh: 'old' }]]);
    expect(lines).toEqual([]);
  });

  test('leaves the refresh token as it is where the provider gives no other', async () => {
    const { outcome } = await run([body({ ...SIGNED_ON, refresh: '' })], { refresh: 'old' });
    expect(outcome).toMatchObject({ signedOn: { refresh: 'old' } });
  });

  test.each([
    [refusal('sso_refused', 401), true],
    [refusal('issuer_unavailable', 503), false],
    [PENDING, true],
    [body('['), true],
  ])('that fails says whether that is final', async (answer, isFinal) => {
    expect((await run([answer], { refresh: 'old' })).outcome).toMatchObject({ kind: 'failed', isFinal });
  });
});
