// Relays that are told to go, one after the other, behind a balancer: everybody moves on to the next one.
import { describe, expect, test } from 'vitest';
import { startCounter } from '../support/chaos/counter.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { startTransfer, TRANSFER_BYTES } from '../support/chaos/transfer.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { TcpBalancer } from '../support/mesh/tcp-balancer.ts';

const TAKEOVERS = 6;
/** Whoever moves on has time for it on a busy machine; a drain that nobody holds up ends at once. */
const DRAIN = { DRAIN_DELAY_SECONDS: '0.5', DRAIN_TIMEOUT_SECONDS: '60' };
const FINE = { code: 0, signal: null };

const world = useWorld();

/** A job behind a balancer with two relays, of which the first runs. */
async function twoRelays(env: Readonly<Record<string, string>>) {
  await using stack = new AsyncDisposableStack();
  const relays = [await createMortalRelay(world, env), await createMortalRelay(world, env)] as const;
  const [first, second] = relays;
  await first.start();
  const balancer = stack.use(new TcpBalancer(relays));
  await balancer.start();
  const job = await openJob(world, { relay: `ws://127.0.0.1:${balancer.port}` });
  const rest = stack.move();
  return { first, second, ...job, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}

describe('a relay that is told to go', () => {
  test('hands a put, a get and a shell on to the next one, again and again, and exits 0', async () => {
    await using scene = await twoRelays(DRAIN);
    const { first, second, agent, way } = scene;
    const counter = await startCounter(way, agent.job);
    const transfers = [
      await startTransfer(way, agent.job, 'put'),
      await startTransfer(way, agent.job, 'get'),
    ];

    const startedAt = Date.now();
    for (let turn = 0; turn < TAKEOVERS; turn += 1) {
      const [going, coming] = turn % 2 === 0 ? [first, second] : [second, first];
      await coming.start();
      expect(await going.end('SIGTERM')).toEqual(FINE);
      expect(going.process.stdout).not.toContain('sessions cut at the drain timeout');
      await counter.moves();
    }
    const chaosMs = Date.now() - startedAt;
    const tookMs = await Promise.all(transfers.map((transfer) => transfer.finish()));
    const lines = await counter.stop();
    expect(await agent.process.exited).toEqual(FINE);

    const gaps = agent.process.stdout.match(/resumed after [^,]*/g) ?? [];
    console.log(
      `chaos: ${TAKEOVERS} takeovers in ${chaosMs} ms; transfers of ${TRANSFER_BYTES / 2 ** 20} MiB took ${tookMs.join(' and ')} ms, ` +
        `${lines} lines counted\nchaos: ${gaps.join('; ')}`,
    );
    expect(agent.process.stdout).not.toMatch(/given up|broken off|was refused/);
    expect(gaps.length).toBeGreaterThanOrEqual(TAKEOVERS);
  });

  test('ends at once when it is told twice, and the session goes on elsewhere', async () => {
    const slow = { DRAIN_DELAY_SECONDS: '600', DRAIN_TIMEOUT_SECONDS: '600' };
    await using scene = await twoRelays(slow);
    const { first, second, agent, way } = scene;
    const counter = await startCounter(way, agent.job);
    await second.start();
    first.process.kill('SIGTERM');
    await first.process.see(/drain started/);
    await counter.moves();
    expect(await first.end('SIGTERM')).toEqual(FINE);
    await counter.moves();
    await counter.stop();
    expect(await agent.process.exited).toEqual(FINE);
  });
});
