// The limits per client address: who counts as one, what each may have, and that nothing is kept of whoever has left.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressSourceOf } from '#shared/protocol/address.ts';
import {
  AddressLimits,
  type Slot,
  SWEEP_EVERY_MS,
  WRONG_PROOFS_AT_ONCE,
  WRONG_PROOFS_PER_SECOND,
} from '../../../../services/relay/limits/address-limits.ts';
import { countedAs, inRanges, isRange } from '../../../../services/relay/limits/client-address.ts';
import {
  ADDRESS_LIMITS,
  type AddressLimitValues,
  COUNTED,
} from '../../../../services/relay/limits/limit-table.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const SMALL: AddressLimitValues = {
  links: 3,
  waiting: 2,
  sessions: 4,
  downloads: 1,
  held: 1,
  setups: 10,
  burst: 5,
};

describe('who counts as one', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ])('%s is %s', (address, group) => {
    expect(addressSourceOf(address)).toBe(group);
  });

  test.each(['', 'unknown', '192.0.2', '1.2.3.4, 5.6.7.8', 'x'.repeat(2_000)])('%j is no address', (text) => {
    expect(addressSourceOf(text)).toBeUndefined();
  });

  test('the last 64 bits of an IPv6 address make no difference, and the first ones do', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const half = fc.tuple(group, group, group, group);
    fc.assert(
      fc.property(half, half, half, (network, host, other) => {
        const write = (groups: readonly number[]) => groups.map((part) => part.toString(16)).join(':');
        // An IPv4 address in IPv6 clothes is one of its own.
        fc.pre(network.some((part) => part !== 0));
        const one = addressSourceOf(write([...network, ...host]));
        expect(one).toBe(addressSourceOf(write([...network, ...other])));
        const next = [network[0], network[1], network[2], (network[3] + 1) % 0x10000];
        fc.pre(next.some((part) => part !== 0));
        expect(one).not.toBe(addressSourceOf(write([...next, ...host])));
      }),
    );
  });

  test('ranges take an address of their own family, mapped or not', () => {
    const isIn = inRanges(['203.0.113.0/24', '2001:db8::/32', '198.51.100.9']);
    expect(['203.0.113.255', '::ffff:203.0.113.1', '2001:db8:ffff::1', '198.51.100.9'].map(isIn)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['203.0.114.0', '2001:db9::1', '198.51.100.8', 'nonsense', ''].map(isIn)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(inRanges(['0.0.0.0/0', '::/0'])('192.0.2.1')).toBe(true);
    expect(inRanges([])('192.0.2.1')).toBe(false);
  });

  test.each(['203.0.113.0/24', '::/0', '0.0.0.0/0', '10.1.2.3', '2001:db8::1/128'])(
    '%s is a range',
    (text) => {
      expect(isRange(text)).toBe(true);
    },
  );
  test.each([
    '',
    'loopback',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '10.0.0/8',
    '1.2.3.4/-1',
  ])('%j is none', (text) => {
    expect(isRange(text)).toBe(false);
  });
});

describe('whom the limits are for', () => {
  const nobody = inRanges([]);
  const rules = { isUnlimited: nobody, limitsPrivate: false };
  const direct = (address: string) => ({ address, isToldByProxy: false });
  const told = (address: string) => ({ address, isToldByProxy: true });

  test.each([
    '10.0.0.5',
    '172.31.255.1',
    '192.168.1.1',
    '127.0.0.1',
    '::1',
    'fd00::5',
    '100.64.3.4',
    '169.254.1.1',
    '::ffff:10.0.0.5',
  ])('not for %s that connects by itself: it may be an ingress that nobody named', (address) => {
    expect(countedAs(direct(address), rules)).toBeUndefined();
    expect(countedAs(direct(address), { ...rules, limitsPrivate: true })).toBe(addressSourceOf(address));
  });

  test('for a public address, and for a private one that a trusted proxy names', () => {
    expect(countedAs(direct('203.0.113.7'), rules)).toBe('203.0.113.7');
    expect(countedAs(direct('2001:db8::7'), rules)).toBe('2001:db8:0:0::/64');
    expect(countedAs(told('10.0.0.5'), rules)).toBe('10.0.0.5');
  });

  test('never for one that is listed', () => {
    const listed = { isUnlimited: inRanges(['203.0.113.0/24']), limitsPrivate: true };
    expect(countedAs(direct('203.0.113.7'), listed)).toBeUndefined();
    expect(countedAs(told('::ffff:203.0.113.7'), listed)).toBeUndefined();
    expect(countedAs(direct('203.0.114.7'), listed)).toBe('203.0.114.7');
  });
});

describe('places', () => {
  test.each(COUNTED)(
    'of %s an address has as many as its limit says, and no other address notices',
    (kind) => {
      const limits = new AddressLimits(new ManualClock(), SMALL);
      const slots: Slot[] = [];
      for (let count = 0; count < SMALL[kind]; count += 1) {
        const verdict = limits.acquire('192.0.2.1', kind);
        if (verdict.kind !== 'granted') throw new Error(`refused at ${count}`);
        slots.push(verdict.slot);
      }
      expect(limits.acquire('192.0.2.1', kind)).toMatchObject({ kind: 'too_many', limit: SMALL[kind] });
      expect(limits.acquire('192.0.2.2', kind)).toMatchObject({ kind: 'granted' });
      expect(limits.fullest()[kind]).toBe(SMALL[kind]);
      // Twice is once.
      slots[0]?.release();
      slots[0]?.release();
      expect(limits.acquire('192.0.2.1', kind).kind).toBe('granted');
      expect(limits.acquire('192.0.2.1', kind).kind).toBe('too_many');
      limits.stop();
    },
  );

  test('any order of taking and giving back ends with nothing, and never goes below it', () => {
    const key = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8:0:0::/64');
    const step = fc.record({
      key,
      kind: fc.constantFrom(...COUNTED),
      what: fc.constantFrom('acquire', 'release', 'release twice', 'ask', 'wait'),
      pick: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const clock = new ManualClock();
        const limits = new AddressLimits(clock, SMALL);
        const held: { key: string; kind: (typeof COUNTED)[number]; slot: Slot }[] = [];
        const countOf = (key: string, kind: string) =>
          held.filter((one) => one.key === key && one.kind === kind).length;
        for (const { key, kind, what, pick } of steps) {
          if (what === 'acquire') {
            const verdict = limits.acquire(key, kind);
            expect(verdict.kind).toBe(countOf(key, kind) < SMALL[kind] ? 'granted' : 'too_many');
            if (verdict.kind === 'granted') held.push({ key, kind, slot: verdict.slot });
          } else if (what === 'ask') limits.setUp(key);
          else if (what === 'wait') clock.advance(pick * 1_000);
          else {
            const [one] = held.splice(pick % Math.max(1, held.length), 1);
            one?.slot.release();
            if (what === 'release twice') one?.slot.release();
          }
          for (const count of COUNTED) {
            const most = Math.max(
              ...['192.0.2.1', '192.0.2.2', '2001:db8:0:0::/64'].map((k) => countOf(k, count)),
            );
            expect(limits.fullest()[count]).toBe(most);
          }
        }
        for (const { slot } of held) slot.release();
        // Until the bucket is full, and one sweep more.
        clock.advance((SMALL.burst / SMALL.setups) * 1_000 + 2 * SWEEP_EVERY_MS);
        expect(limits.size).toBe(0);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe('requests', () => {
  test('a burst, then so many a second, and the wait that is told is long enough and not longer', () => {
    const clock = new ManualClock();
    const limits = new AddressLimits(clock, { ...SMALL, setups: 2, burst: 5 });
    for (let count = 0; count < 5; count += 1) expect(limits.setUp('a').kind).toBe('granted');
    expect(limits.setUp('a')).toEqual({ kind: 'too_fast', perSecond: 2, retrySeconds: 1 });
    expect(limits.setUp('b').kind).toBe('granted');
    clock.advance(499);
    expect(limits.setUp('a').kind).toBe('too_fast');
    clock.advance(1);
    expect(limits.setUp('a').kind).toBe('granted');
    expect(limits.setUp('a').kind).toBe('too_fast');
    clock.advance(60_000);
    for (let count = 0; count < 5; count += 1) expect(limits.setUp('a').kind).toBe('granted');
    expect(limits.setUp('a').kind).toBe('too_fast');
    limits.stop();
  });

  test('whoever has left is forgotten once the bucket is full, whoever has something is not', () => {
    const clock = new ManualClock();
    const limits = new AddressLimits(clock, SMALL);
    for (let count = 0; count < 10_000; count += 1) limits.setUp(`key ${count}`);
    const kept = limits.acquire('kept', 'links');
    expect(limits.size).toBe(10_001);
    clock.advance(SWEEP_EVERY_MS);
    expect(limits.size).toBe(1);
    if (kept.kind === 'granted') kept.slot.release();
    clock.advance(SWEEP_EVERY_MS);
    expect(limits.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('wrong proofs', () => {
  test('so many at once, then so many a second; those of other addresses, and good ones, do not count', () => {
    const clock = new ManualClock();
    const limits = new AddressLimits(clock, SMALL);
    const spend = (): number => {
      let looked = 0;
      while (limits.takeProof('a') === 0) looked += 1;
      return looked;
    };
    for (let count = 0; count < 10 * WRONG_PROOFS_AT_ONCE; count += 1) {
      expect(limits.takeProof('b')).toBe(0);
      limits.forgiveProof('b');
    }
    expect(spend()).toBe(WRONG_PROOFS_AT_ONCE);
    expect(limits.fullest().proofs).toBe(WRONG_PROOFS_AT_ONCE);
    expect(limits.takeProof('a')).toBe(1_000 / WRONG_PROOFS_PER_SECOND);
    expect(limits.takeProof('b')).toBe(0);
    clock.advance(1_000);
    expect(spend()).toBe(WRONG_PROOFS_PER_SECOND);
    limits.forgiveProof('a');
    expect(spend()).toBe(1);
    limits.stop();
  });

  test('are remembered while they count, and not longer', () => {
    const clock = new ManualClock();
    const limits = new AddressLimits(clock, SMALL);
    for (let count = 0; count < 1_000; count += 1) limits.takeProof(`key ${count}`);
    for (let count = 0; count < WRONG_PROOFS_AT_ONCE; count += 1) limits.takeProof('attacker');
    limits.forgiveProof('nobody');
    clock.advance(SWEEP_EVERY_MS);
    expect(limits.size).toBe(1);
    // Whoever comes back after the sweep finds what was left, not a full allowance.
    expect(limits.fullest().proofs).toBe(
      WRONG_PROOFS_AT_ONCE - (SWEEP_EVERY_MS / 1_000) * WRONG_PROOFS_PER_SECOND,
    );
    clock.advance((WRONG_PROOFS_AT_ONCE / WRONG_PROOFS_PER_SECOND) * 1_000 + SWEEP_EVERY_MS);
    expect(limits.size).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

test('a NAT with 500 CI runners whose jobs start in the same second meets no limit', () => {
  const clock = new ManualClock();
  const limits = new AddressLimits(
    clock,
    Object.fromEntries(
      Object.entries(ADDRESS_LIMITS).map(([name, { fallback }]) => [name, fallback]),
    ) as AddressLimitValues,
  );
  const grant = (kind: (typeof COUNTED)[number]): Slot => {
    const verdict = limits.acquire('198.51.100.1', kind);
    if (verdict.kind !== 'granted') throw new Error(`refused: ${kind}`);
    return verdict.slot;
  };
  for (let job = 0; job < 500; job += 1) {
    // The download, asked twice (a retry), the link and a client from the same network.
    for (let request = 0; request < 4; request += 1)
      expect(limits.setUp('198.51.100.1').kind).toBe('granted');
    grant('downloads');
    grant('links');
    grant('waiting');
    grant('sessions');
  }
  // A rollout: everybody has a second link, and a second transport of the session, before the first is gone.
  for (let job = 0; job < 500; job += 1) {
    for (let request = 0; request < 2; request += 1)
      expect(limits.setUp('198.51.100.1').kind).toBe('granted');
    grant('links');
    grant('sessions');
  }
  limits.stop();
});
