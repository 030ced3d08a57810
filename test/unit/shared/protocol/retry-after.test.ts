// Retry-After: which waits are believed, and what a person reads of them.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { MAX_RETRY_AFTER_MS, parseRetryAfter, spreadWait } from '#shared/protocol/retry-after.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { dialFailureFrom, waitFor } from '#shared/websocket/dial-failure-text.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';
import { linkFailureFrom } from '../../../../services/agent/relay/link-failure.ts';
import { parseClientUrl } from '../../../../services/clients/connection/client-url.ts';
import { failureFrom } from '../../../../services/clients/connection/failure.ts';

describe('the header', () => {
  test.each([
    ['1', 1_000],
    ['7', 7_000],
    ['007', 7_000],
    ['60', 60_000],
    ['61', MAX_RETRY_AFTER_MS],
    ['3600', MAX_RETRY_AFTER_MS],
  ])('%s is a wait', (header, ms) => {
    expect(parseRetryAfter(429, header)).toBe(ms);
    expect(parseRetryAfter(503, header)).toBe(ms);
  });

  test.each([
    undefined,
    '',
    '0',
    '-1',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    ' 5',
    '5 ',
    '5s',
    '5, 5',
    '٥',
    '3601',
    '999999999',
    '1000000000000',
    'NaN',
    'Infinity',
    'Fri, 31 Dec 1999 23:59:59 GMT',
    '5\r\nX: y',
    '9'.repeat(100_000),
  ])('%j is none', (header) => {
    expect(parseRetryAfter(429, header)).toBeUndefined();
  });

  test.each([200, 301, 401, 404, 500, 502, 504])('with %i it says nothing', (status) => {
    expect(parseRetryAfter(status, '7')).toBeUndefined();
  });

  test('whatever it is, no wait is longer than a minute and a half, nor shorter than was asked', () => {
    const header = fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String));
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(header, random, (text, jitter) => {
        const ms = parseRetryAfter(503, text);
        if (ms === undefined) return;
        const spread = spreadWait(ms, () => jitter);
        expect(spread).toBeGreaterThanOrEqual(ms);
        expect(spread).toBeLessThanOrEqual(1.5 * MAX_RETRY_AFTER_MS);
        expect(Number.isInteger(spread)).toBe(true);
      }),
    );
  });
});

describe('what it means', () => {
  const relay = new URL('wss://relay.example/client/job');
  const refused = (code: RefusalCode | undefined, retryAfterMs: number, status = 503): FailedDial => ({
    kind: 'refused',
    status,
    refusal:
      code === undefined
        ? undefined
        : { code, message: new Untrusted('too many sessions from this address') },
    retryAfterMs,
  });

  test.each(['rate_limited', 'overloaded'] as const)('%s: wait, with words', (code) => {
    const failure = dialFailureFrom(refused(code, 7_000), { relay, proxy: undefined });
    expect(failure).toEqual({
      kind: 'refusal',
      code,
      message: `relay.example asks to wait 7 s: too many sessions from this address (${code})`,
      waitMs: 7_000,
    });
    expect(waitFor({ waitMs: 7_000 }, () => 0.5)).toBe(8_750);
  });

  test.each(['draining', 'registry_unavailable', 'peer_unreachable'] as const)(
    '%s: the next question may reach another relay, so nobody waits',
    (code) => {
      const failure = dialFailureFrom(refused(code, 7_000), { relay, proxy: undefined });
      expect(failure).not.toHaveProperty('waitMs');
      expect(failure.message).toMatch(/^relay\.example refused: /);
    },
  );

  test('an ingress may ask for a wait, too', () => {
    const failure = dialFailureFrom(refused(undefined, 3_000), { relay, proxy: undefined });
    expect(failure).toMatchObject({ kind: 'stranger', passes: true, waitMs: 3_000 });
  });

  test('agent and client take it over, and go on', () => {
    const target = { base: 'wss://relay.example', id: 'job', claim: '', proxy: undefined };
    for (const outcome of [refused('rate_limited', 7_000, 429), refused(undefined, 7_000)]) {
      if (outcome.kind !== 'refused') continue;
      expect(linkFailureFrom(outcome, target, true)).toMatchObject({
        waitMs: 7_000,
        patienceMs: Number.POSITIVE_INFINITY,
      });
      const parsed = parseClientUrl('wss://relay.example/client/job');
      if (parsed.kind === 'invalid') throw new Error(parsed.message);
      const failure = failureFrom(outcome, parsed.target, undefined);
      expect(failure.waitMs).toBe(7_000);
      expect(failure.retry).not.toBe('never');
    }
  });
});
