// A sign-on: the person is troubled only when nothing that is kept does any more, and once for all programs that start at the same time.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { SignOnOutcome } from '../../../../services/clients/sign-on/device-flow.ts';
import { fileNameOf, KeptSignOns } from '../../../../services/clients/sign-on/kept-sign-ons.ts';
import type { AskSignOn, SignOnAnswer } from '../../../../services/clients/sign-on/relay-question.ts';
import { SIGN_ON_MARGIN_MS, SignOn } from '../../../../services/clients/sign-on/sign-on.ts';
import { isFileWorkPending } from '../../../support/time/file-work.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

const RELAY = 'https://relay.example';
const URL_OF_RELAY = new URL('wss://relay.example/client/x');
const HOUR_MS = 3_600_000;

let folder: string;
let clock: ManualClock;
/** Paths, with the refresh token behind those. */
let asked: string[];
let lines: string[];
/** How the relay answers a refresh; a good one if undefined. */
let refusal: SignOnAnswer | undefined;
let made: number;
/** Of the newest token. */
let expiresAt: number;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'sign-on-')), 'converge');
  clock = new ManualClock();
  [asked, lines, refusal, made] = [[], [], undefined, 0];
});

afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true, force: true });
});

const ask: AskSignOn = async (path, question) => {
  // It takes a moment, in which others may come.
  await new Promise(setImmediate);
  asked.push('refresh' in question ? `${path} ${String(question.refresh)}` : path);
  if (path === 'refresh' && refusal !== undefined) return refusal;
  const device = { verificationUri: 'https://login.example/', userCode: 'CODE', handle: 'h' };
  expiresAt = clock.wallTime() + HOUR_MS;
  const value =
    path === 'device'
      ? { ...device, intervalSeconds: 1, expiresSeconds: 60 }
      : { token: `token-${++made}`, refresh: `refresh-${made}`, expiresAt };
  return { kind: 'open', body: JSON.stringify(value) };
};

function refused(code: 'sso_refused' | 'sso_expired' | 'issuer_unavailable', status: number): SignOnAnswer {
  return { kind: 'refused', status, refusal: { code, message: new Untrusted('no') } };
}

/** As another start of a program has it. */
function start(
  kept: KeptSignOns | undefined = new KeptSignOns(folder),
  signal = new AbortController().signal,
  isUnattended = false,
): SignOn {
  const notify = (line: string): void => {
    lines.push(line);
  };
  return new SignOn({
    ask,
    via: { relay: URL_OF_RELAY, proxy: undefined },
    kept,
    clock,
    random: () => 0,
    notify,
    signal,
    isUnattended,
  });
}

/** Its token; the clock goes on while it is waited for. */
async function settled(outcome: Promise<SignOnOutcome>): Promise<string> {
  let result: SignOnOutcome | undefined;
  void outcome.then((value) => {
    result = value;
  });
  await until('the sign-on has ended', () => {
    if (result === undefined && clock.pending > 0 && !isFileWorkPending()) clock.advance(100);
    return result !== undefined;
  });
  return result?.kind === 'signed_on' ? result.signedOn.token : (result?.kind ?? '');
}

test('who has signed on once is not asked again by the next start', async () => {
  expect(await start().kept()).toBeUndefined();
  expect(await settled(start().token(undefined))).toBe('token-1');
  expect(asked).toEqual(['device', 'token']);
  expect(lines.at(-1)).toBe('signed on');
  expect(await start().kept()).toBe('token-1');
  expect(await settled(start().token(undefined))).toBe('token-1');
  expect(asked).toHaveLength(2);
  expect(await readdir(folder)).toEqual([fileNameOf(RELAY, 'json')]);
});

test('a token that is about to expire is refreshed, without the person, and the new refresh token is kept', async () => {
  await settled(start().token(undefined));
  clock.advance(expiresAt - SIGN_ON_MARGIN_MS - 1 - clock.wallTime());
  expect(await settled(start().token(undefined))).toBe('token-1');
  clock.advance(1);
  const { length } = lines;
  expect(await start().kept()).toBeUndefined();
  expect(await settled(start().token(undefined))).toBe('token-2');
  clock.advance(HOUR_MS);
  expect(await settled(start().token(undefined))).toBe('token-3');
  expect(asked).toEqual(['device', 'token', 'refresh refresh-1', 'refresh refresh-2']);
  expect(lines).toHaveLength(length);
});

test('a token that the relay has refused is refreshed, however long it would be good', async () => {
  const signOn = start();
  const token = await settled(signOn.token(undefined));
  expect(await settled(signOn.token(token))).toBe('token-2');
  expect(asked.at(-1)).toBe('refresh refresh-1');
});

test.each(['sso_refused', 'sso_expired'] as const)(
  'after %s of the refresh the person signs on anew',
  async (code) => {
    await settled(start().token(undefined));
    clock.advance(HOUR_MS);
    refusal = refused(code, 401);
    expect(await settled(start().token(undefined))).toBe('token-2');
    expect(asked.slice(2)).toEqual(['refresh refresh-1', 'device', 'token']);
  },
);

test('while the provider is away nobody is sent to it, and what is kept stays', async () => {
  await settled(start().token(undefined));
  clock.advance(HOUR_MS);
  refusal = refused('issuer_unavailable', 503);
  expect(await settled(start().token(undefined))).toBe('failed');
  refusal = undefined;
  expect(await settled(start().token(undefined))).toBe('token-2');
  expect(asked.slice(2)).toEqual(['refresh refresh-1', 'refresh refresh-1']);
});

test('of twenty starts at once one asks, and all have the same token', async () => {
  const tokens = await Promise.all(Array.from({ length: 20 }, () => settled(start().token(undefined))));
  expect(new Set(tokens)).toEqual(new Set(['token-1']));
  expect(asked).toEqual(['device', 'token']);
  clock.advance(HOUR_MS);
  const later = await Promise.all(Array.from({ length: 20 }, () => settled(start().token(undefined))));
  expect(new Set(later)).toEqual(new Set(['token-2']));
  expect(asked.slice(2)).toEqual(['refresh refresh-1']);
});

test('without a folder the sign-on lives as long as the program', async () => {
  const signOn = new SignOn({
    ask,
    via: { relay: URL_OF_RELAY, proxy: undefined },
    kept: undefined,
    clock,
    random: () => 0,
    notify: () => undefined,
    signal: new AbortController().signal,
  });
  expect(await settled(signOn.token(undefined))).toBe('token-1');
  expect(await settled(signOn.token(undefined))).toBe('token-1');
  clock.advance(HOUR_MS);
  expect(await settled(signOn.token(undefined))).toBe('token-2');
  expect(asked).toEqual(['device', 'token', 'refresh refresh-1']);
});

test('what cannot be kept is said once, and the sign-on counts all the same', async () => {
  await writeFile(folder, '');
  const signOn = start();
  expect(await settled(signOn.token(undefined))).toBe('token-1');
  expect(await settled(signOn.token('token-1'))).toBe('token-2');
  expect(lines.filter((line) => line.includes('your sign-on is'))).toEqual([
    `what is kept of your sign-on is ignored: ${folder} is no folder; move it away`,
  ]);
});

test('what cannot be written is said, and the sign-on counts all the same', async () => {
  await mkdir(join(folder, fileNameOf(RELAY, 'json')), { recursive: true, mode: 0o700 });
  const kept = new KeptSignOns(folder);
  kept.find = () => Promise.resolve({ kind: 'missing' });
  expect(await settled(start(kept).token(undefined))).toBe('token-1');
  expect(lines).toContainEqual(
    expect.stringMatching(/^your sign-on is not kept for later: .* cannot be written/),
  );
});

test('another relay below the same host has its own', async () => {
  await settled(start().token(undefined));
  const other = new SignOn({
    ask,
    via: { relay: new URL('wss://relay.example/staging/client/x'), proxy: undefined },
    kept: new KeptSignOns(folder),
    clock,
    random: () => 0,
    notify: () => undefined,
    signal: new AbortController().signal,
  });
  expect(await other.kept()).toBeUndefined();
});

test('a program that is told to end while another one signs on ends', async () => {
  const first = start().token(undefined);
  await until('the first has asked', () => asked.includes('device'));
  const abort = new AbortController();
  const second = start(new KeptSignOns(folder), abort.signal).token(undefined);
  await until('the second waits', () => clock.pending >= 3);
  abort.abort();
  expect((await second).kind).toBe('aborted');
  expect(await settled(first)).toBe('token-1');
});

test('a program that nobody watches asks no person; what is kept it takes, and a refresh too', async () => {
  const unattended = (): SignOn => start(new KeptSignOns(folder), undefined, true);
  expect(await unattended().token(undefined)).toMatchObject({
    kind: 'failed',
    isFinal: true,
    message: expect.stringContaining('wants a person to sign on'),
  });
  expect([asked, lines]).toEqual([[], []]);
  expect(await settled(start().token(undefined))).toBe('token-1');
  asked = [];
  expect(await settled(unattended().token(undefined))).toBe('token-1');
  expect(asked).toEqual([]);
  expect(await settled(unattended().token('token-1'))).toBe('token-2');
  expect(asked).toEqual(['refresh refresh-1']);
});
