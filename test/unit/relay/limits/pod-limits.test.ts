// The limits of the whole pod: its memory, its places, the bytes that it holds, and what who is refused is told.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import { WRONG_PROOFS_AT_ONCE } from '../../../../services/relay/limits/address-limits.ts';
import { Admission } from '../../../../services/relay/limits/admission.ts';
import { HELD_BYTES_LOOK_EVERY_MS, HeldBytes } from '../../../../services/relay/limits/held-bytes.ts';
import { COUNTED, type MetLimit } from '../../../../services/relay/limits/limit-table.ts';
import { PodLimits, READ_MEMORY_EVERY_MS } from '../../../../services/relay/limits/pod-limits.ts';
import { memoryLimitFrom, type ProcessMemory } from '../../../../services/relay/limits/process-memory.ts';
import type { HeldAccount } from '../../../../services/relay/session/needs.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const GIB = 1024 ** 3;
const LIMITS = { links: 3, waiting: 2, sessions: 4, downloads: 1, memory: 80 };

class ScriptedMemory implements ProcessMemory {
  used = 0;
  heapUsed = 0;
  readings = 0;
  readonly residentLimit = 1_000;
  readonly heapLimit = 500;
  resident(): number {
    this.readings += 1;
    return this.used;
  }
  heap(): number {
    return this.heapUsed;
  }
}

describe('the memory limit', () => {
  test.each([
    ['what a person says', { told: 512, constrained: GIB, machine: 4 * GIB }, 512],
    ['the control group', { told: undefined, constrained: GIB, machine: 4 * GIB }, GIB],
    ['the machine, without a control group', { told: undefined, constrained: 0, machine: 4 * GIB }, 4 * GIB],
    [
      'the machine, where the kernel says none (v1: a page below 2^63; v2: max)',
      { told: undefined, constrained: 2 ** 64, machine: 4 * GIB },
      4 * GIB,
    ],
    [
      'the machine, where it cannot be known',
      { told: undefined, constrained: undefined, machine: 4 * GIB },
      4 * GIB,
    ],
  ])('is that of %s', (_, sources, expected) => {
    expect(memoryLimitFrom(sources)).toBe(expected);
  });
});

describe('places of the pod', () => {
  test.each(COUNTED)('%s: as many as the limit says', (kind) => {
    const pod = new PodLimits(new ManualClock(), LIMITS, new ScriptedMemory());
    const taken = Array.from({ length: LIMITS[kind] }, () => pod.acquire(kind));
    expect(taken.every((verdict) => verdict.kind === 'granted')).toBe(true);
    expect(pod.acquire(kind)).toEqual({ kind: 'full', of: kind });
    const [first] = taken;
    if (first?.kind === 'granted') first.slot.release();
    if (first?.kind === 'granted') first.slot.release();
    expect(pod.levels()[kind]).toEqual({ used: LIMITS[kind] - 1, max: LIMITS[kind] });
    expect(pod.acquire(kind).kind).toBe('granted');
  });

  test.each(['memory', 'heap'] as const)('when %s is short, nothing new is taken until it is not', (what) => {
    const clock = new ManualClock();
    const memory = new ScriptedMemory();
    const pod = new PodLimits(clock, LIMITS, memory);
    const use = (share: number) => {
      memory.used = what === 'memory' ? memory.residentLimit * share : 0;
      memory.heapUsed = what === 'heap' ? memory.heapLimit * share : 0;
      clock.advance(READ_MEMORY_EVERY_MS);
    };
    use(0.799);
    expect(pod.acquire('links').kind).toBe('granted');
    use(0.8);
    for (const kind of COUNTED) expect(pod.acquire(kind)).toEqual({ kind: 'full', of: what });
    use(0.5);
    expect(pod.acquire('links').kind).toBe('granted');
  });

  test('memory is read twice a second at most, however many ask', () => {
    const clock = new ManualClock();
    const memory = new ScriptedMemory();
    const pod = new PodLimits(clock, LIMITS, memory);
    for (let count = 0; count < 1_000; count += 1) {
      pod.shortage();
      clock.advance(1);
    }
    expect(memory.readings).toBe(1_000 / READ_MEMORY_EVERY_MS);
  });
});

/** A session whose reader takes what it likes. */
class ScriptedSession {
  bytes = 0;
  isCut = false;
  readonly account: HeldAccount;
  constructor(held: HeldBytes, key: string) {
    this.account = held.open(key, {
      held: () => this.bytes,
      cut: () => {
        this.isCut = true;
        this.bytes = 0;
      },
    });
  }
  write(bytes: number): void {
    if (this.isCut) return;
    this.bytes += bytes;
    this.account.wrote(bytes);
  }
  read(bytes: number): void {
    this.bytes = Math.max(0, this.bytes - bytes);
  }
}

describe('bytes held for one address', () => {
  const limitBytes = 1_600;
  const open = () => {
    const clock = new ManualClock();
    const cuts: number[] = [];
    const held = new HeldBytes({ clock, limitBytes, onCut: () => cuts.push(clock.now()) });
    return { clock, cuts, held };
  };

  test('at the limit nobody is cut; past it, the one that has stood still for longest', () => {
    const { clock, cuts, held } = open();
    const stuck = new ScriptedSession(held, 'a');
    stuck.write(1_000);
    const slow = new ScriptedSession(held, 'a');
    const other = new ScriptedSession(held, 'b');
    other.write(1_600);
    clock.advance(1_000);
    slow.write(600);
    expect(cuts).toEqual([]);
    slow.read(100);
    clock.advance(1_000);
    slow.write(200);
    expect([stuck.isCut, slow.isCut, other.isCut]).toEqual([true, false, false]);
    expect(cuts).toHaveLength(1);
    expect(held.fullest()).toBe(1_600);
  });

  test('one that moves is not cut for one that stands still, also if its bytes are told of when somebody asks', () => {
    const clock = new ManualClock();
    const told: (() => void)[] = [];
    const count = () => {
      for (const tell of told) tell();
    };
    const held = new HeldBytes({ clock, limitBytes, onCut: () => undefined, count });
    const moving = new ScriptedSession(held, 'a');
    moving.write(limitBytes / 2);
    clock.advance(1);
    const stuck = new ScriptedSession(held, 'a');
    stuck.write(limitBytes / 2);
    // As much comes as leaves.
    told.push(() => moving.account.wrote(limitBytes * 10));
    for (let second = 0; second < 5; second += 1) clock.advance(HELD_BYTES_LOOK_EVERY_MS);
    expect([moving.isCut, stuck.isCut]).toEqual([false, false]);
    stuck.bytes += 1;
    clock.advance(HELD_BYTES_LOOK_EVERY_MS);
    expect([moving.isCut, stuck.isCut]).toEqual([false, true]);
  });

  test('what a paused socket read without a word is found by the second', () => {
    const { clock, cuts, held } = open();
    const session = new ScriptedSession(held, 'a');
    session.write(limitBytes);
    session.bytes += 1;
    clock.advance(HELD_BYTES_LOOK_EVERY_MS - 1);
    expect(cuts).toEqual([]);
    clock.advance(1);
    expect(session.isCut).toBe(true);
    clock.advance(HELD_BYTES_LOOK_EVERY_MS);
    expect(clock.pending).toBe(0);
  });

  test('what is read is not counted, however much it is', () => {
    const { cuts, held } = open();
    const session = new ScriptedSession(held, 'a');
    for (let count = 0; count < 10_000; count += 1) {
      session.write(limitBytes - 1);
      session.read(limitBytes - 1);
    }
    expect(cuts).toEqual([]);
  });

  test('whatever is written and read, an address holds no more than its limit, a sixteenth and one write', () => {
    const step = fc.record({
      which: fc.nat(9),
      what: fc.constantFrom('write', 'read', 'close', 'wait'),
      bytes: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { clock, held } = open();
        const sessions = Array.from(
          { length: 10 },
          (_, index) => new ScriptedSession(held, index < 8 ? 'a' : 'b'),
        );
        for (const { which, what, bytes } of steps) {
          const session = sessions[which];
          if (session === undefined) continue;
          if (what === 'write') session.write(bytes);
          else if (what === 'read') session.read(bytes);
          else if (what === 'wait') clock.advance(bytes);
          else {
            session.account.close();
            session.account.close();
            session.bytes = 0;
            session.isCut = true;
          }
          expect(held.fullest()).toBeLessThanOrEqual(limitBytes * (1 + 1 / 16) + 400);
        }
        for (const { account } of sessions) account.close();
        expect(held.size).toBe(0);
        clock.advance(HELD_BYTES_LOOK_EVERY_MS);
        expect(clock.pending).toBe(0);
      }),
    );
  });
});

describe('what who is refused is told', () => {
  const create = (more: Partial<ConstructorParameters<typeof Admission>[0]> = {}) => {
    const met: MetLimit[] = [];
    const clock = new ManualClock();
    const admission = new Admission({
      clock,
      address: { links: 1, waiting: 1, sessions: 1, downloads: 1, held: 1, setups: 1, burst: 1 },
      pod: { ...LIMITS, downloads: 9 },
      unlimited: [],
      limitsPrivate: false,
      memory: new ScriptedMemory(),
      recorder: { limitMet: (limit) => met.push(limit) },
      ...more,
    });
    return { admission, clock, met };
  };
  const someone = (address: string) => ({ address, isToldByProxy: false });

  test('429: the limit, its variable, when to come back, and the way out; the pod gives the place back', () => {
    const { admission, met } = create();
    for (const kind of COUNTED) {
      expect(admission.admit(kind, someone('203.0.113.7')).kind).toBe('admitted');
      const verdict = admission.admit(kind, someone('203.0.113.7'));
      if (verdict.kind !== 'over') throw new Error('let in');
      expect(verdict).toMatchObject({ code: 'rate_limited', limit: `address_${kind}` });
      expect(REFUSALS[verdict.code].status).toBe(429);
      expect(verdict.message).toMatch(
        /from this address, at most 1 \(ADDRESS_MAX_[A-Z]+\): .*again in 5 s.*UNLIMITED_ADDRESSES/,
      );
      expect(admission.levels().get(`pod_${kind}`)?.used).toBe(1);
    }
    expect(admission.refuseRequest(someone('203.0.113.7'))).toBeUndefined();
    expect(admission.refuseRequest(someone('203.0.113.7'))).toMatchObject({
      limit: 'address_setups',
      retrySeconds: 1,
    });
    expect(met).toEqual([...COUNTED.map((kind) => `address_${kind}`), 'address_setups']);
    admission.stop();
  });

  test('proofs: by the address that a proxy reports, and not by a private one that may be a proxy', () => {
    const { admission, met } = create({ unlimited: ['203.0.113.0/24'] });
    const spend = (asker: Parameters<Admission['takeProof']>[0], most: number): number => {
      let looked = 0;
      while (looked < most && admission.takeProof(asker) === 0) looked += 1;
      return looked;
    };
    const all = WRONG_PROOFS_AT_ONCE + 1;
    expect(spend(someone('10.0.0.1'), all)).toBe(all);
    expect(spend(someone('203.0.113.7'), all)).toBe(all);
    expect(spend({ address: '10.0.0.1', isToldByProxy: true }, all)).toBe(WRONG_PROOFS_AT_ONCE);
    expect(spend(someone('2001:db8::1'), all)).toBe(WRONG_PROOFS_AT_ONCE);
    expect(spend(someone('2001:db8::2'), all)).toBe(0);
    expect(met).toEqual(['address_proofs', 'address_proofs', 'address_proofs']);
    expect(admission.levels().get('address_proofs')?.used).toBe(WRONG_PROOFS_AT_ONCE);
    admission.forgiveProof(someone('2001:db8::3'));
    expect(spend(someone('2001:db8::2'), all)).toBe(1);
    admission.stop();
  });

  test('503 overloaded for the pod, whoever asks; a listed address has only the limits of the pod', () => {
    const { admission, met } = create({ unlimited: ['203.0.113.0/24'] });
    for (let count = 0; count < LIMITS.links; count += 1)
      expect(admission.admit('links', someone('203.0.113.7')).kind).toBe('admitted');
    const verdict = admission.admit('links', someone('203.0.113.7'));
    expect(verdict).toMatchObject({ kind: 'over', code: 'overloaded', limit: 'pod_links' });
    expect(verdict.kind === 'over' && verdict.message).toMatch(
      /has all the agents that it takes \(MAX_LINKS\): try again in 5 s/,
    );
    expect(REFUSALS.overloaded).toEqual({ status: 503, retry: true });
    expect(met).toEqual(['pod_links']);
  });
});
