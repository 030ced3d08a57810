// Allowances: what the sessions of one agent may have by its rule, on two pods that count together.
import { describe, expect, test } from 'vitest';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import {
  ADD_EVERY_MS,
  Allowances,
  type SessionAllowance,
} from '../../../../services/relay/gate/allowances.ts';
import { LimitBook, MAX_REMEMBERED_RULES } from '../../../../services/relay/gate/limit-book.ts';
import type { Policy, RuleLimits } from '../../../../services/relay/policy/policy.ts';
import { RegistryUnavailable } from '../../../../services/relay/registry/registry-unavailable.ts';
import { MemoryTally, PLACE_LIFE_MS, TallyStore } from '../../../../services/relay/registry/tally.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

const NO_LIMITS: RuleLimits = {
  agents: undefined,
  lifetimeMs: undefined,
  sessions: undefined,
  bytesPerSecond: undefined,
  totalBytes: undefined,
};

/** A policy with the one rule `rule`. */
function policyWith(limits: Partial<RuleLimits>): Policy {
  const rule = {
    name: 'rule',
    networks: undefined,
    proof: { kind: 'token', tokens: [] },
    ids: [],
    limits: { ...NO_LIMITS, ...limits },
    access: undefined,
  } as const;
  return { audience: 'https://relay.test', agents: [rule], clients: undefined, sso: undefined };
}

function openPods(limits: Partial<RuleLimits>) {
  const clock = new ManualClock(1_000_000);
  const store = new TallyStore();
  const policy: { current: Policy } = { current: policyWith(limits) };
  const pods = [1, 2].map(() => new Allowances({ policy, clock, tally: new MemoryTally(clock, store) }));
  const [here, there] = pods;
  if (here === undefined || there === undefined) throw new Error('two pods');
  return { clock, policy, here, there, since: clock.wallTime() };
}

async function grant(pod: Allowances, since: number, id = 'job'): Promise<SessionAllowance> {
  const verdict = await pod.grant(id, { rule: 'rule', since });
  if (verdict.kind === 'refused' || verdict.allowance === undefined)
    throw new Error(`no allowance: ${JSON.stringify(verdict)}`);
  return verdict.allowance;
}

/** A session that runs; `ends` is how it was cut. */
function run(allowance: SessionAllowance) {
  const ends: StreamEnd[] = [];
  const account = allowance.watch({ held: () => 0, cut: (end) => ends.push(end) });
  return { ...account, ends };
}

const refusal = (pod: Allowances, since: number) => pod.grant('job', { rule: 'rule', since });

test.each([
  ['an agent of an open relay', undefined],
  ['an agent of a rule that is gone', { rule: 'gone', since: 1 }],
  ['an agent of a rule without limits', { rule: 'rule', since: 1 }],
])('%s has no allowance to keep to', async (_, standing) => {
  const { here } = openPods({});
  expect(await here.grant('job', standing)).toEqual({ kind: 'granted', allowance: undefined });
});

describe('a rule that is taken out, or has another name now,', () => {
  test('goes on to limit the agents that it let in', async () => {
    const { here, policy, clock, since } = openPods({ sessions: 1, totalBytes: 1_000 });
    policy.current = { ...policyWith({}), agents: [] };
    const session = run(await grant(here, since));
    expect(await refusal(here, since)).toMatchObject({ code: 'rule_full' });
    policy.current = { ...policyWith({}), agents: undefined };
    session.wrote(1_000);
    clock.advance(ADD_EVERY_MS);
    await settle();
    expect(session.ends[0]).toMatchObject({ reason: 'over_budget' });
  });

  test('and that comes back has the limits that it has then', async () => {
    const { here, policy, since } = openPods({ sessions: 1 });
    policy.current = { ...policyWith({}), agents: [] };
    run(await grant(here, since));
    policy.current = policyWith({ sessions: 2 });
    run(await grant(here, since));
    expect(await refusal(here, since)).toMatchObject({ code: 'rule_full' });
  });

  test('is forgotten where too many have gone since, and none that is there', () => {
    const [rule] = policyWith({ sessions: 1 }).agents ?? [];
    if (rule === undefined) throw new Error('a rule');
    const named = (name: string) => ({ ...rule, name });
    const policy = { current: { ...policyWith({}), agents: [named('stays'), named('goes')] } };
    const book = new LimitBook(policy);
    for (let round = 0; round < MAX_REMEMBERED_RULES; round += 1) {
      policy.current = { ...policyWith({}), agents: [named('stays'), named(`r${round}`)] };
      book.of('stays');
    }
    expect(
      ['stays', `r${MAX_REMEMBERED_RULES - 1}`, 'r1', 'goes'].map((name) => book.of(name)?.sessions),
    ).toEqual([1, 1, 1, undefined]);
  });
});

describe('sessions at once', () => {
  test('are counted on all pods together, for each agent on its own', async () => {
    const { here, there, since } = openPods({ sessions: 2 });
    const first = await grant(here, since);
    const second = await grant(there, since);
    expect(await refusal(here, since)).toMatchObject({ kind: 'refused', code: 'rule_full' });
    await grant(here, since, 'another');
    run(second).close();
    await grant(here, since);
    first.release();
    first.release();
    await grant(there, since);
    expect(await refusal(there, since)).toMatchObject({
      code: 'rule_full',
      message: expect.stringContaining('the rule rule lets an agent have 2 sessions') as string,
    });
  });

  test('are held by places that somebody extends, until the session ends', async () => {
    const { here, clock, since } = openPods({ sessions: 1 });
    const session = run(await grant(here, since));
    expect([...here.places]).toHaveLength(1);
    session.close();
    session.close();
    expect([...here.places]).toEqual([]);
    clock.advance(PLACE_LIFE_MS);
    await grant(here, since);
  });
});

describe('bytes in all', () => {
  test('are added up over the pods, and every session is cut when they are spent', async () => {
    const { here, there, clock, since } = openPods({ totalBytes: 1_000 });
    const [mine, yours] = [run(await grant(here, since)), run(await grant(there, since))];
    mine.wrote(600);
    yours.wrote(399);
    clock.advance(ADD_EVERY_MS);
    await settle();
    expect([mine.ends, yours.ends]).toEqual([[], []]);
    mine.wrote(1);
    clock.advance(ADD_EVERY_MS);
    await settle();
    clock.advance(ADD_EVERY_MS);
    await settle();
    expect(mine.ends[0]).toMatchObject({ reason: 'over_budget' });
    expect(yours.ends[0]).toMatchObject({ reason: 'over_budget' });
    expect(await refusal(there, since)).toMatchObject({ code: 'allowance_spent' });
  });

  test('count also where they were moved a moment before the end of the session', async () => {
    const { here, there, clock, since } = openPods({ totalBytes: 1_000 });
    const session = run(await grant(here, since));
    session.wrote(1_000);
    session.close();
    expect(await refusal(here, since)).toMatchObject({ code: 'allowance_spent' });
    clock.advance(ADD_EVERY_MS);
    await settle();
    expect(await refusal(there, since)).toMatchObject({ code: 'allowance_spent' });
    expect(clock.pending).toBe(0);
  });

  test('belong to one life of the agent: the next one has its own', async () => {
    const { here, clock, since } = openPods({ totalBytes: 10 });
    run(await grant(here, since)).wrote(10);
    clock.advance(ADD_EVERY_MS);
    await settle();
    expect(await refusal(here, since)).toMatchObject({ code: 'allowance_spent' });
    await grant(here, since + 1);
  });
});

test('a session ends when the time of its agent is over, and none begins after that', async () => {
  const { here, clock, since } = openPods({ lifetimeMs: 60_000 });
  clock.advance(10_000);
  const session = run(await grant(here, since));
  clock.advance(49_999);
  expect(session.ends).toEqual([]);
  clock.advance(1);
  expect(session.ends[0]).toMatchObject({ reason: 'expired' });
  session.close();
  expect(await refusal(here, since)).toMatchObject({
    code: 'lifetime_over',
    message: expect.stringContaining('the rule rule lets an agent live for 1 minute') as string,
  });
});

test('a session that ends before leaves no timer behind', async () => {
  const { here, clock, since } = openPods({ lifetimeMs: 60_000, totalBytes: 5 });
  const session = run(await grant(here, since));
  session.close();
  expect(clock.pending).toBe(0);
});

test('one rate is shared by the sessions of an agent on a pod, and by nobody else', async () => {
  const { here, since, clock } = openPods({ bytesPerSecond: 1_000 });
  const [one, other] = [await grant(here, since), await grant(here, since)];
  expect(one.meter?.spend(1_000)).toBe(0);
  expect(other.meter?.spend(500)).toBe(500);
  expect((await grant(here, since, 'another')).meter?.spend(1_000)).toBe(0);
  clock.advance(500);
  expect(one.meter?.spend(0)).toBe(0);
});

test('a limit that the policy has changed counts for the next session', async () => {
  const { here, policy, since } = openPods({ sessions: 1 });
  await grant(here, since);
  policy.current = policyWith({ sessions: 2 });
  await grant(here, since);
  expect(await refusal(here, since)).toMatchObject({ code: 'rule_full' });
});

test('a pace and a sum that the policy has got meanwhile count for the next session, beside one that is older', async () => {
  const { clock, here, policy, since } = openPods({ sessions: 5 });
  const first = run(await grant(here, since));
  policy.current = policyWith({ sessions: 5, bytesPerSecond: 1_000, totalBytes: 100 });
  const second = await grant(here, since);
  expect(second.meter?.spend(1_500)).toBe(500);
  const session = run(second);
  session.wrote(100);
  clock.advance(ADD_EVERY_MS);
  await settle();
  expect(session.ends[0]).toMatchObject({ reason: 'over_budget' });
  expect(first.ends[0]).toMatchObject({ reason: 'over_budget' });
});

test('another pace counts for the next session, the same one is shared, and none is none', async () => {
  const { here, policy, since } = openPods({ sessions: 9, bytesPerSecond: 1_000 });
  const first = await grant(here, since);
  policy.current = policyWith({ sessions: 9, bytesPerSecond: 4_000 });
  const second = await grant(here, since);
  expect(second.meter?.spend(6_000)).toBe(500);
  expect(first.meter?.spend(1_500)).toBe(500);
  expect((await grant(here, since)).meter?.spend(4_000)).toBe(1_500);
  policy.current = policyWith({ sessions: 9 });
  expect((await grant(here, since)).meter).toBeUndefined();
});

test('without a registry this pod lets in, and adds later what it could not add', async () => {
  const { clock, policy, since } = openPods({ sessions: 1, totalBytes: 100 });
  const working = new MemoryTally(clock);
  const away = { isAway: true };
  const tally = {
    take: (...args: Parameters<MemoryTally['take']>) => (away.isAway ? down() : working.take(...args)),
    leave: (...args: Parameters<MemoryTally['leave']>) => (away.isAway ? down() : working.leave(...args)),
    add: (...args: Parameters<MemoryTally['add']>) => (away.isAway ? down() : working.add(...args)),
    extend: () => down(),
  };
  const pod = new Allowances({ policy, clock, tally });
  const session = run(await grant(pod, since));
  session.wrote(60);
  clock.advance(ADD_EVERY_MS);
  await settle();
  away.isAway = false;
  session.wrote(40);
  clock.advance(ADD_EVERY_MS);
  await settle();
  expect(session.ends[0]).toMatchObject({ reason: 'over_budget' });
});

function down(): Promise<never> {
  return Promise.reject(new RegistryUnavailable('down'));
}
