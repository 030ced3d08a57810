// Property tests of the resumable stream: whatever the wires do, what comes out is what went in.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FlowLimits } from '#shared/resume/limits.ts';
import { ResumableStream } from '#shared/resume/resumable-stream.ts';
import type { WirePlan } from '../../../support/resume/resume-wire.ts';
import {
  bytesFrom,
  type LocalHabits,
  ResumeWorld,
  type WorldPlan,
} from '../../../support/resume/resume-world.ts';

/** More of them by hand: RESUME_RUNS=20000. */
const RUNS = Number(process.env['RESUME_RUNS'] ?? 100);
/** Virtual: far beyond the window, so that only a hang can reach it. */
const DEADLINE_MS = 40 * 60_000;
const MAX_WRITE_BYTES = 900;
/** Payload over the limit by one write, with the heads and the costs of its frames. */
const ONE_WRITE_BYTES = MAX_WRITE_BYTES + 16 * 141;

const seeds = fc.integer({ min: 0, max: 0x7fff_ffff });

/** Failures early enough to hit OPEN and OPENED (35 and 13 bytes), the first frames, and later anything. */
const failPoints = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 6_000 }));

/** Byte by byte, or slowly, but not both: minutes without an acknowledgement are `stuck`, and rightly so. */
const paces = fc.oneof(
  fc.record({ chunkBytes: fc.constantFrom(1, 3), delayMs: fc.constantFrom(0, 1) }),
  fc.record({ chunkBytes: fc.constantFrom(40, 700, 65_536), delayMs: fc.constantFrom(0, 30, 400) }),
);

const wires: fc.Arbitrary<WirePlan> = fc
  .record({
    seed: seeds,
    pace: paces,
    highWaterBytes: fc.constantFrom(1, 100, 2_000, 65_536),
    failAfter: fc.record({
      towards: fc.constantFrom('agent' as const, 'client' as const),
      bytes: failPoints,
    }),
    failure: fc.constantFrom('cut' as const, 'cut' as const, 'cut' as const, 'black_hole' as const),
  })
  .map(({ pace, ...rest }) => ({ ...rest, ...pace }));

const limits: fc.Arbitrary<FlowLimits> = fc
  .record({
    windowBytes: fc.integer({ min: 600, max: 6_000 }),
    ackEveryBytes: fc.integer({ min: 20, max: 3_000 }),
    keepFromBytes: fc.constantFrom(1, 300, 10_000),
  })
  .map((flow) => ({ ...flow, frameBytes: Math.floor(flow.windowBytes / 4) }));

const habits: fc.Arbitrary<LocalHabits> = fc.record({
  seed: seeds,
  writeBytes: fc.constantFrom(1, 30, MAX_WRITE_BYTES),
  idleChance: fc.constantFrom(0, 0.05, 0.3),
  pauseChance: fc.constantFrom(0, 0.1, 0.5),
  pauseMs: fc.constantFrom(1, 500, 5_000),
});

const sizes = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 20_000 }));

const plans: fc.Arbitrary<WorldPlan> = fc
  .record({
    seed: seeds,
    limits,
    wires: fc.array(wires, { maxLength: 12 }),
    retryChance: fc.constantFrom(0, 0.3),
    up: sizes,
    down: sizes,
    client: habits,
    agent: habits,
  })
  .map(({ up, down, client, agent, ...rest }) => ({
    ...rest,
    client: { outgoing: bytesFrom(rest.seed, up), habits: cheaper(client, up) },
    agent: { outgoing: bytesFrom(rest.seed + 1, down), habits: cheaper(agent, down) },
  }));

/** One byte at a time is worth trying, twenty thousand times it is only slow. */
function cheaper(habits: LocalHabits, size: number): LocalHabits {
  return size > 3_000 ? { ...habits, writeBytes: Math.max(30, habits.writeBytes) } : habits;
}

function withClosing(plan: WorldPlan, who: 'client' | 'agent', afterBytes: number): WorldPlan {
  return { ...plan, [who]: { ...plan[who], habits: { ...plan[who].habits, closesAfterBytes: afterBytes } } };
}

function holdBounds(world: ResumeWorld): void {
  for (const stream of [world.end.stream, ...world.agentStreams]) {
    if (!(stream instanceof ResumableStream)) throw new Error('not a resumable stream');
    const held = stream.heldBytes;
    const { windowBytes } = world.plan.limits;
    // Compared before it is expected: this runs at every step.
    if (held.waiting > windowBytes) expect(held.waiting).toBeLessThanOrEqual(windowBytes);
    const replayLimit = windowBytes + ONE_WRITE_BYTES;
    if (held.replay > replayLimit) expect(held.replay).toBeLessThanOrEqual(replayLimit);
  }
}

function expectPrefix(received: Buffer, sent: Buffer): void {
  expect(received.length).toBeLessThanOrEqual(sent.length);
  expect(received.equals(sent.subarray(0, received.length))).toBe(true);
}

function expectCleanEnd(world: ResumeWorld): void {
  expect(world.client.ends).toEqual([{ reason: 'ended' }]);
  expect(world.agent.ends).toEqual([{ reason: 'ended' }]);
  expect(world.agents.length).toBe(1);
  expect([...world.clientEvents, ...world.agentEvents].filter((event) => event.kind === 'reset')).toEqual([]);
}

for (const closer of ['client', 'agent'] as const) {
  test(`both directions arrive whole, once and in order over any cuts, and end when the ${closer} closes`, async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (base) => {
        const other = closer === 'client' ? base.agent : base.client;
        const world = new ResumeWorld(withClosing(base, closer, other.outgoing.length));
        const done = await world.run(
          () => world.finished,
          DEADLINE_MS,
          () => holdBounds(world),
        );
        expect(done).toBe(true);
        expect(world.agent.all.equals(base.client.outgoing)).toBe(true);
        expect(world.client.all.equals(base.agent.outgoing)).toBe(true);
        expectCleanEnd(world);
      }),
      { numRuns: RUNS },
    );
  });
}

test('what was written before a close arrives whole, whoever closes and in whatever phase', async () => {
  await fc.assert(
    fc.asyncProperty(
      plans,
      fc.constantFrom('client' as const, 'agent' as const, 'both' as const),
      fc.integer({ min: 0, max: 3_000 }),
      async (plan, closer, closeAfterMs) => {
        const world = new ResumeWorld(plan);
        const close = () => {
          if (closer !== 'agent') world.client.close();
          if (closer !== 'client') world.agents[0]?.close();
        };
        // An agent can close only a stream that it has.
        await world.run(() => world.agents.length > 0 || closer === 'client', DEADLINE_MS);
        world.clock.after(closeAfterMs, close);
        const done = await world.run(
          () => world.finished,
          DEADLINE_MS,
          () => holdBounds(world),
        );
        expect(done).toBe(true);
        expectPrefix(world.agent.all, plan.client.outgoing);
        expectPrefix(world.client.all, plan.agent.outgoing);
        if (closer === 'client') expect(world.agent.receivedBytes).toBe(world.client.sent);
        if (closer === 'agent') expect(world.client.receivedBytes).toBe(world.agent.sent);
        expectCleanEnd(world);
      },
    ),
    { numRuns: RUNS },
  );
});

test('without any wire both ends give up, and what came out is a beginning of what went in', async () => {
  await fc.assert(
    fc.asyncProperty(plans, fc.integer({ min: 0, max: 20_000 }), async (plan, lostAfterMs) => {
      const world = new ResumeWorld(plan);
      world.clock.after(lostAfterMs, () => world.disconnect());
      const done = await world.run(
        () => world.finished,
        DEADLINE_MS,
        () => holdBounds(world),
      );
      expect(done).toBe(true);
      expect(world.client.ends.map((end) => end.reason)).toEqual(['lost']);
      expectPrefix(world.client.all, plan.agent.outgoing);
      const [agent] = world.agents;
      if (agent === undefined) return;
      expect(agent.ends.map((end) => end.reason)).toEqual(['lost']);
      expectPrefix(agent.all, plan.client.outgoing);
    }),
    { numRuns: Math.ceil(RUNS / 3) },
  );
});

test('a cut ends both sides, and what came out is a beginning of what went in', async () => {
  await fc.assert(
    fc.asyncProperty(
      plans,
      fc.constantFrom('client' as const, 'agent' as const),
      fc.integer({ min: 0, max: 3_000 }),
      async (plan, cutter, cutAfterMs) => {
        const world = new ResumeWorld(plan);
        // Before the client knows of the stream, an agent that cuts it is asked for a new one.
        await world.run(() => world.clientEvents.some((event) => event.kind === 'opened'), DEADLINE_MS);
        const stream = cutter === 'client' ? world.end.stream : world.agentStreams[0];
        world.clock.after(cutAfterMs, () => stream?.cut({ reason: 'fault' }));
        const done = await world.run(
          () => world.finished,
          DEADLINE_MS,
          () => holdBounds(world),
        );
        expect(done).toBe(true);
        expect(world.client.ends.length).toBe(1);
        expect(world.agent.ends.length).toBe(1);
        expectPrefix(world.agent.all, plan.client.outgoing);
        expectPrefix(world.client.all, plan.agent.outgoing);
      },
    ),
    { numRuns: Math.ceil(RUNS / 3) },
  );
});
