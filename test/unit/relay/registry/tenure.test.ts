// Tenure: of two claims of one ID at most one outranks the other, and what decides is who had it when the memory was lost.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { formatGrant, readGrant } from '../../../../services/relay/hop/grant.ts';
import { Continuity, LONGEST_OUTAGE_MS, memoryFrom } from '../../../../services/relay/registry/continuity.ts';
import {
  ELDERS_SEEN_WITHIN_MS,
  newTenure,
  outranks,
  provenTenure,
  SEEN_NOW,
  TENURE_SLACK_MS,
} from '../../../../services/relay/registry/tenure.ts';
import { GRANT_EVERY_MS } from '../../../../services/relay/session/agent-table.ts';

const HOUR_MS = 3_600_000;
const BORN = 100 * HOUR_MS;
/** A registry that has been there for a while, and one that was just found empty. */
const OLD = memoryFrom(BORN);
const LOST_AT = BORN + 10 * HOUR_MS;
const YOUNG = { since: LOST_AT, knownUntil: LOST_AT - 15_000 };

const moment = fc.integer({ min: 1, max: 400 }).map((tens) => LOST_AT - 4_000_000 + tens * 10_000);
const tenure = fc
  .record({ at: moment, isYoung: fc.boolean(), seen: fc.oneof(moment, fc.constant(SEEN_NOW)), wonAt: moment })
  .map(({ at, isYoung, seen, wonAt }) => ({
    ...newTenure(at, isYoung ? { since: at - 1, knownUntil: at - 20_000 } : OLD),
    seen,
    wonAt: Math.max(1, wonAt - at),
  }));

test('never do two claims outrank each other, nor does one outrank itself', () => {
  fc.assert(
    fc.property(tenure, tenure, (one, other) => {
      expect(outranks(one, other) && outranks(other, one)).toBe(false);
      expect(outranks(one, one)).toBe(false);
      expect(outranks(undefined, one)).toBe(false);
    }),
  );
});

describe('after a loss of memory', () => {
  const thief = newTenure(LOST_AT + 1_000, YOUNG);
  const agent = newTenure(LOST_AT - HOUR_MS, OLD);

  test.each([
    ['an agent that is linked', SEEN_NOW, true],
    ['one that was linked at the loss', YOUNG.knownUntil, true],
    ['one that had been gone for a lease at the loss', YOUNG.knownUntil - ELDERS_SEEN_WITHIN_MS, true],
    ['one that had been gone for longer', YOUNG.knownUntil - ELDERS_SEEN_WITHIN_MS - 1, false],
  ])('%s outranks who came since: %i, %s', (_, seen, wins) => {
    expect(outranks({ ...agent, seen }, thief)).toBe(wins);
    expect(outranks({ ...thief, seen: SEEN_NOW }, { ...agent, seen })).toBe(!wins);
    expect(provenTenure(thief, { ...agent, seen }).heldSince).toBe(wins ? agent.heldSince : thief.heldSince);
  });

  test('a claim that was given up since is remembered to have been', () => {
    const left = { ...thief, seen: LOST_AT + 2_000 };
    const next = newTenure(LOST_AT + 3_000, YOUNG);
    expect(outranks(left, next)).toBe(false);
    expect(outranks(next, left)).toBe(true);
  });

  test('a lease later nobody is an elder any more', () => {
    const late = newTenure(LOST_AT + LEASE_MS, YOUNG);
    expect(outranks({ ...agent, seen: YOUNG.knownUntil }, late)).toBe(false);
  });
});

test('who left a registry that remembers, however recently, does not outrank who came then', () => {
  fc.assert(
    fc.property(
      moment,
      fc.integer({ min: 0, max: HOUR_MS }),
      fc.integer({ min: 0, max: HOUR_MS }),
      (at, held, gone) => {
        const squatter = newTenure(at, OLD);
        const left = at + held;
        const agent = newTenure(left + gone, OLD);
        const grant = { ...squatter, seen: left };
        expect(outranks(grant, agent)).toBe(false);
        if (held + gone > 0) expect(outranks({ ...agent, seen: SEEN_NOW }, grant)).toBe(true);
      },
    ),
  );
});

describe('what a pod knows of the memory of a redis', () => {
  test('is nothing before it was asked: whoever was there in the last hour may come back', () => {
    expect(new Continuity().memoryAt(LOST_AT)).toEqual({
      since: LOST_AT,
      knownUntil: LOST_AT - LONGEST_OUTAGE_MS,
    });
  });

  test('is what the mark says, for a pod that has just begun', () => {
    const continuity = new Continuity();
    continuity.connected(LOST_AT);
    continuity.looked(LOST_AT + 1, BORN);
    expect(continuity.memoryAt(LOST_AT + 2)).toEqual(memoryFrom(BORN));
  });

  test('has a gap after each new connection, also to one with the same mark', () => {
    const continuity = new Continuity();
    continuity.connected(BORN);
    continuity.looked(LOST_AT - 15_000, BORN);
    continuity.connected(LOST_AT);
    expect(continuity.memoryAt(LOST_AT)).toEqual(YOUNG);
    continuity.looked(LOST_AT + 1, BORN);
    expect(continuity.memoryAt(LOST_AT + 2)).toEqual(YOUNG);
  });

  test('has a gap from the last look on, also where somebody looks before the new connection is spoken for', () => {
    const continuity = new Continuity();
    continuity.connected(BORN);
    continuity.looked(LOST_AT - 15_000, BORN);
    continuity.disconnected();
    expect(continuity.memoryAt(LOST_AT)).toEqual(YOUNG);
    continuity.looked(LOST_AT, BORN);
    expect(continuity.memoryAt(LOST_AT)).toEqual(YOUNG);
    continuity.connected(LOST_AT);
    expect(continuity.memoryAt(LOST_AT + LEASE_MS)).toEqual(YOUNG);
  });

  test('has a gap where the mark is new: somebody emptied it under the connection', () => {
    const continuity = new Continuity();
    continuity.connected(BORN);
    continuity.looked(LOST_AT - 15_000, BORN);
    continuity.looked(LOST_AT + 500, LOST_AT);
    expect(continuity.memoryAt(LOST_AT + 501)).toEqual(YOUNG);
  });
});

describe('a grant', () => {
  const key = new ClusterKey(['a secret of at least thirty-two letters']);
  const grantee = { id: 'job', claimHash: 'hash' };
  const facts = { ...newTenure(LOST_AT, OLD), seen: LOST_AT + 1 };

  test('says what was attested, to this cluster, of this claim of this ID', () => {
    const text = formatGrant(key, grantee, facts);
    expect(readGrant(key, grantee, text)).toEqual(facts);
    expect(readGrant(key, { ...grantee, id: 'other' }, text)).toBeUndefined();
    expect(readGrant(key, { ...grantee, claimHash: 'other' }, text)).toBeUndefined();
    expect(
      readGrant(new ClusterKey(['another secret of thirty-two letters']), grantee, text),
    ).toBeUndefined();
    const rotated = new ClusterKey([
      'the next secret of thirty-two letters',
      'a secret of at least thirty-two letters',
    ]);
    expect(readGrant(rotated, grantee, text)).toEqual(facts);
  });

  test('is worth nothing when a character of it is changed, or when it is something else', () => {
    const text = formatGrant(key, grantee, facts);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', '1', '9', '.', 'A', '-'), (at, letter) => {
        const changed = text.slice(0, at) + letter + text.slice(at + 1);
        // The last letter of 43 carries four bits: some changes of it change nothing.
        if (changed !== text && at < text.length - 1)
          expect(readGrant(key, grantee, changed)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (other) => {
        expect(readGrant(key, grantee, other)).toBeUndefined();
      }),
    );
  });

  test('has at most 123 characters, and is renewed before it is worth less', () => {
    const longest = {
      heldSince: SEEN_NOW,
      eldersBefore: SEEN_NOW,
      horizon: SEEN_NOW,
      seen: SEEN_NOW,
      wonAt: SEEN_NOW,
    };
    expect(formatGrant(key, grantee, longest)).toHaveLength(123);
    expect(GRANT_EVERY_MS).toBeLessThan(TENURE_SLACK_MS);
  });
});
