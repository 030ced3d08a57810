// Pending dials: each wait ends once, and is counted for its agent as long as it lasts.
import { expect, test } from 'vitest';
import {
  MAX_PENDING_DIALS_PER_AGENT,
  PendingDials,
} from '../../../../services/relay/session/pending-dials.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const TIMEOUT_MS = 1_000;

function open() {
  const clock = new ManualClock();
  const dials = new PendingDials(clock);
  const gone = new AbortController();
  const issue = () => {
    const pending = dials.issue('job', TIMEOUT_MS, [gone.signal]);
    if (pending === undefined) throw new Error('too many');
    return pending;
  };
  return { clock, dials, gone, issue };
}

test('a stream that is given is the result, and the wait is over', async () => {
  const { clock, dials, issue } = open();
  const { nonce, result } = issue();
  expect(dials.size).toBe(1);
  const stream = new FakeStream();
  dials.redeem(nonce)?.give(stream, 'local');
  expect(await result).toEqual({ kind: 'stream', stream, route: 'local' });
  expect(dials.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test('a nonce is good once', () => {
  const { dials, issue } = open();
  const { nonce } = issue();
  expect(dials.redeem(nonce)).toBeDefined();
  expect(dials.redeem(nonce)).toBeUndefined();
  expect(dials.redeem('unknown')).toBeUndefined();
});

test('its ticket is as good, once, for its agent', async () => {
  const { dials, issue } = open();
  const pending = issue();
  pending.nameTicket('sealed');
  expect(dials.redeemTicket('sealed', 'another')).toBeUndefined();
  const stream = new FakeStream();
  dials.redeemTicket('sealed', 'job')?.give(stream, 'local');
  expect(await pending.result).toEqual({ kind: 'stream', stream, route: 'local' });
  expect(dials.redeemTicket('sealed', 'job')).toBeUndefined();
  expect(dials.redeem(pending.nonce)).toBeUndefined();
});

test('a ticket goes with its wait, also one that is named too late', () => {
  const { dials, issue } = open();
  const [used, over] = [issue(), issue()];
  used.nameTicket('used');
  dials.redeem(used.nonce);
  over.giveUp();
  over.nameTicket('late');
  expect(dials.redeemTicket('used', 'job')).toBeUndefined();
  expect(dials.redeemTicket('late', 'job')).toBeUndefined();
});

test('no two nonces are the same, and none can be guessed', () => {
  const { issue } = open();
  const nonces = Array.from({ length: 100 }, () => issue().nonce);
  expect(new Set(nonces).size).toBe(100);
  for (const nonce of nonces) expect(nonce).toMatch(/^[\w-]{32}$/);
});

test('a wait that is over cannot be redeemed', async () => {
  const { clock, dials, issue } = open();
  const { nonce, result } = issue();
  clock.advance(TIMEOUT_MS);
  expect(await result).toEqual({ kind: 'timeout' });
  expect(dials.redeem(nonce)).toBeUndefined();
});

test('a wait that is given up cannot be redeemed', async () => {
  const { clock, dials, gone, issue } = open();
  const { nonce, result } = issue();
  gone.abort();
  expect(await result).toEqual({ kind: 'aborted' });
  expect(dials.redeem(nonce)).toBeUndefined();
  expect(clock.pending).toBe(0);
  expect(await issue().result).toEqual({ kind: 'aborted' });
  expect(dials.size).toBe(0);
});

test('a wait can be given up by whoever issued it, also twice', async () => {
  const { clock, dials, issue } = open();
  const wait = issue();
  wait.giveUp();
  wait.giveUp();
  expect(await wait.result).toEqual({ kind: 'aborted' });
  expect(dials.redeem(wait.nonce)).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test.each(['timeout', 'aborted'])('a stream that comes after %s is closed', async (how) => {
  const { clock, dials, gone, issue } = open();
  const { nonce, result } = issue();
  const redeemed = dials.redeem(nonce);
  if (how === 'timeout') clock.advance(TIMEOUT_MS);
  else gone.abort();
  expect(await result).toEqual({ kind: how });
  const stream = new FakeStream();
  redeemed?.give(stream, 'local');
  expect(stream.closes).toEqual([{ reason: 'going_away' }]);
});

test('a ticket that is redeemed and never given a stream ends with the time', async () => {
  const { clock, dials, issue } = open();
  const { nonce, result } = issue();
  dials.redeem(nonce);
  expect(dials.size).toBe(0);
  clock.advance(TIMEOUT_MS);
  expect(await result).toEqual({ kind: 'timeout' });
});

test('an agent has a bounded number of waits, each of which counts until it ends', () => {
  const { clock, dials, issue } = open();
  const waits = Array.from({ length: MAX_PENDING_DIALS_PER_AGENT }, () => issue());
  expect(dials.issue('job', TIMEOUT_MS, [])).toBeUndefined();
  expect(dials.issue('another', TIMEOUT_MS, [])).toBeDefined();
  dials.redeem(waits[0]?.nonce ?? '');
  expect(dials.issue('job', TIMEOUT_MS, [])).toBeDefined();
  expect(dials.issue('job', TIMEOUT_MS, [])).toBeUndefined();
  clock.advance(TIMEOUT_MS);
  expect(dials.size).toBe(0);
  expect(dials.issue('job', TIMEOUT_MS, [])).toBeDefined();
});
