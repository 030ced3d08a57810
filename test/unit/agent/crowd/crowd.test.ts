// The crowd: who has to go when many have come and proved nothing. The rule is sshd's where there is one.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Crowd, type CrowdLimits, type Place } from '../../../../services/agent/crowd/crowd.ts';
import { dropChance } from '../../../../services/agent/crowd/early-drop.ts';
import { LOGIN_CROWD } from '../../../../services/agent/crowd/login-limits.ts';
import { STREAM_CROWD } from '../../../../services/agent/relay/arrivals.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const LIMITS: CrowdLimits = {
  start: 10,
  rate: 100,
  full: 10,
  perSource: 4,
  headroom: 2,
  quietMs: 1_000,
  tie: 'lot',
};

class Door {
  readonly clock = new ManualClock();
  readonly crowd: Crowd;
  readonly gone: string[] = [];
  readonly places = new Map<string, Place>();
  /** What the lot says next; in [0, 1). */
  lot = 0;

  constructor(limits: Partial<CrowdLimits> = {}) {
    this.crowd = new Crowd({
      limits: { ...LIMITS, ...limits },
      clock: this.clock,
      random: () => this.lot,
    });
  }

  /** Whether somebody of this name got in. */
  come(name: string, address: string, known = 0): boolean {
    const place = this.crowd.enter({ address, known, onEvicted: () => this.gone.push(name) });
    if (place !== undefined) this.places.set(name, place);
    return place !== undefined;
  }

  /** `count` of them, one from each address. */
  crowdFrom(network: string, count: number): void {
    for (let host = 1; host <= count; host += 1) this.come(`${network}.${host}`, `${network}.${host}`);
  }
}

describe('the chance that somebody has to go', () => {
  const limits = fc
    .record({
      start: fc.integer({ min: 1, max: 200 }),
      rate: fc.integer({ min: 1, max: 100 }),
      room: fc.integer({ min: 0, max: 200 }),
    })
    .map(({ start, rate, room }) => ({ start, rate, full: start + room }));

  test('is that of sshd_config(5): rate/100 at start, 1 at full, linear between, which sshd counts in whole percent', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 0, max: 500 }), ({ start, rate, full }, waiting) => {
        const chance = dropChance({ start, rate, full }, waiting);
        const isBetween = waiting >= start && waiting < full;
        const between = rate + Math.trunc(((100 - rate) * (waiting - start)) / (full - start));
        const percent = waiting < start ? 0 : isBetween ? between : 100;
        expect(chance * 100).toBeGreaterThanOrEqual(percent - 1e-9);
        expect(chance * 100).toBeLessThan(percent + (isBetween ? 1 : 1e-9));
      }),
    );
  });

  test('never falls while more come', () => {
    fc.assert(
      fc.property(limits, fc.integer({ min: 0, max: 500 }), (drop, waiting) => {
        expect(dropChance(drop, waiting + 1)).toBeGreaterThanOrEqual(dropChance(drop, waiting));
      }),
    );
  });

  test('is what an agent needs: none below 50, and never more than a hundred', () => {
    expect([49, 50, 75, 99, 100].map((waiting) => dropChance(LOGIN_CROWD, waiting))).toEqual([
      0,
      0.3,
      expect.closeTo(0.65),
      expect.closeTo(0.986),
      1,
    ]);
    expect([191, 192].map((waiting) => dropChance(STREAM_CROWD, waiting))).toEqual([0, 1]);
  });
});

describe('a share for each source', () => {
  test('is all that one address gets; the lot decides among its own', () => {
    const door = new Door();
    for (let at = 1; at <= 4; at += 1) door.come(`a${at}`, '192.0.2.1');
    door.lot = 0.3;
    expect(door.come('a5', '192.0.2.1')).toBe(true);
    expect(door.gone).toEqual(['a2']);
    door.lot = 0.99;
    expect(door.come('a6', '192.0.2.1')).toBe(false);
    expect(door.crowd.size).toBe(4);
    expect(door.come('b1', '192.0.2.2')).toBe(true);
  });

  test('is one for a /64 of IPv6, and one for an address of IPv4 in either writing', () => {
    const door = new Door({ tie: 'newcomer' });
    for (let at = 1; at <= 4; at += 1) door.come(`v6-${at}`, `2001:db8::${at}`);
    expect(door.come('v6-5', '2001:db8::5')).toBe(false);
    for (let at = 1; at <= 4; at += 1) door.come(`v4-${at}`, '192.0.2.1');
    expect(door.come('v4-5', '::ffff:192.0.2.1')).toBe(false);
  });

  test('grows by two for each who is logged in from there', () => {
    const door = new Door({ tie: 'newcomer', full: 100, start: 100 });
    for (let at = 1; at <= 10; at += 1) expect(door.come(`a${at}`, '192.0.2.1', 3)).toBe(true);
    expect(door.come('a11', '192.0.2.1', 3)).toBe(false);
  });

  test('is free again when one leaves, however often it says so', () => {
    const door = new Door({ tie: 'newcomer' });
    for (let at = 1; at <= 4; at += 1) door.come(`a${at}`, '192.0.2.1');
    door.places.get('a1')?.leave();
    door.places.get('a1')?.leave();
    expect(door.come('a5', '192.0.2.1')).toBe(true);
    expect(door.come('a6', '192.0.2.1')).toBe(false);
  });
});

describe('a full house', () => {
  test('makes room at the cost of whoever has the most, not of a newcomer from elsewhere', () => {
    const door = new Door({ perSource: 9, tie: 'newcomer' });
    for (let at = 1; at <= 9; at += 1) door.come(`a${at}`, '192.0.2.1');
    door.come('b1', '192.0.2.2');
    expect(door.come('c1', '192.0.2.3')).toBe(true);
    expect(door.gone).toEqual(['a1']);
    expect(door.crowd.size).toBe(10);
  });

  test('of one from each address sends away the one that is quiet for longest', () => {
    const door = new Door();
    door.crowdFrom('192.0.2', 5);
    door.clock.advance(500);
    door.crowdFrom('198.51.100', 5);
    door.places.get('192.0.2.1')?.heard();
    door.clock.advance(499);
    door.lot = 0.99;
    expect(door.come('early', '203.0.113.1')).toBe(false);
    door.clock.advance(1);
    expect(door.come('late', '203.0.113.1')).toBe(true);
    expect(door.gone).toEqual(['192.0.2.2']);
  });

  test('of those who are not quiet draws lots, the newcomer among them', () => {
    const door = new Door();
    door.crowdFrom('192.0.2', 10);
    door.lot = 10 / 11;
    expect(door.come('unlucky', '203.0.113.1')).toBe(false);
    door.lot = 10 / 11 - 0.001;
    expect(door.come('lucky', '203.0.113.2')).toBe(true);
    expect(door.gone).toEqual(['192.0.2.10']);
  });

  test('where it costs nothing to refuse, refuses', () => {
    const door = new Door({ tie: 'newcomer' });
    door.crowdFrom('192.0.2', 10);
    expect(door.come('one', '203.0.113.1')).toBe(false);
    expect(door.gone).toEqual([]);
  });

  test('has places for those who come back to where somebody is logged in', () => {
    const door = new Door({ tie: 'newcomer' });
    door.crowdFrom('192.0.2', 10);
    // Two of headroom, and two for the one who is logged in.
    for (let at = 1; at <= 4; at += 1) expect(door.come(`a${at}`, '203.0.113.1', 1)).toBe(true);
    expect(door.gone).toEqual([]);
    expect(door.crowd.size).toBe(14);
  });

  test('is never fuller than its limit, whoever comes and goes, and no source has more than its share', () => {
    const move = fc.record({
      host: fc.integer({ min: 1, max: 6 }),
      lot: fc.double({ min: 0, max: 0.999, noNaN: true }),
      ms: fc.integer({ min: 0, max: 1_500 }),
      leaves: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), fc.constantFrom('lot', 'newcomer'), (moves, tie) => {
        const door = new Door({ tie });
        const inside = new Map<string, string>();
        for (const [at, { host, lot, ms, leaves }] of moves.entries()) {
          door.clock.advance(ms);
          door.lot = lot;
          const name = `${at}`;
          if (door.come(name, `192.0.2.${host}`)) inside.set(name, `192.0.2.${host}`);
          for (const evicted of door.gone.splice(0)) inside.delete(evicted);
          if (leaves) {
            door.places.get(name)?.leave();
            inside.delete(name);
          }
          expect(door.crowd.size).toBe(inside.size);
          expect(inside.size).toBeLessThanOrEqual(LIMITS.full);
          for (const address of inside.values()) {
            const share = [...inside.values()].filter((each) => each === address).length;
            expect(share).toBeLessThanOrEqual(LIMITS.perSource);
          }
        }
      }),
    );
  });
});

/** What the documentation promises of an attack from many addresses. */
describe('a stranger with 250 addresses who comes twenty times a second', () => {
  function shareThatGetIn(isTalking: boolean): number {
    let seed = 7;
    const clock = new ManualClock();
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const crowd = new Crowd({ limits: LOGIN_CROWD, clock, random });
    let address = 0;
    const attack = (): void => {
      clock.advance(50);
      address = (address + 1) % 250;
      const place = crowd.enter({ address: `198.51.100.${address}`, known: 0, onEvicted: () => {} });
      if (isTalking) place?.heard();
    };
    for (let at = 0; at < 400; at += 1) attack();
    let successes = 0;
    for (let trial = 0; trial < 300; trial += 1) {
      let isIn = true;
      const place = crowd.enter({ address: '192.0.2.1', known: 0, onEvicted: () => (isIn = false) });
      // A login by key takes a second.
      for (let at = 0; at < 20; at += 1) {
        attack();
        if (at === 4) place?.heard();
      }
      if (place !== undefined && isIn) successes += 1;
      place?.leave();
    }
    return successes / 300;
  }

  test('keeps nobody out while he is silent', () => {
    expect(shareThatGetIn(false)).toBeGreaterThan(0.95);
  });

  test('keeps out a quarter at most where he exchanges keys each time', () => {
    expect(shareThatGetIn(true)).toBeGreaterThan(0.75);
  });
});
