// A link that lets in: once, not for long, and one at a time.
import { expect, test } from 'vitest';
import { LINK_SECRET_WITHIN_MS, LinkSecret } from '../../../../services/agent/access/link-secret.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

test('before one is made, nothing matches, nor what an empty place could be taken for', () => {
  const link = new LinkSecret(new ManualClock());
  for (const text of ['', '\0'.repeat(32)]) expect(link.matches(text)).toBe(false);
});

test('it matches until it is spent, and looking at it does not spend it', () => {
  const link = new LinkSecret(new ManualClock());
  const secret = link.make();
  expect(secret).toMatch(/^[a-z2-7]{20}$/);
  expect([link.matches(`${secret}a`), link.matches(secret), link.matches(secret)]).toEqual([
    false,
    true,
    true,
  ]);
  link.spend();
  expect(link.matches(secret)).toBe(false);
});

test('its time ends', () => {
  const clock = new ManualClock();
  const link = new LinkSecret(clock);
  const secret = link.make();
  clock.advance(LINK_SECRET_WITHIN_MS - 1);
  expect(link.matches(secret)).toBe(true);
  clock.advance(1);
  expect(link.matches(secret)).toBe(false);
});

test('another takes its place', () => {
  const link = new LinkSecret(new ManualClock());
  const [first, second] = [link.make(), link.make()];
  expect([link.matches(first), link.matches(second)]).toEqual([false, true]);
});
