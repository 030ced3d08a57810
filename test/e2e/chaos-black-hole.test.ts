// A network that swallows what is sent and says nothing: seen by pings, on whichever leg it happens.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startCounter } from '../support/chaos/counter.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { startTransfer } from '../support/chaos/transfer.ts';
import { startAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Secret } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { type BlackHole, startBlackHole } from '../support/network/black-hole.ts';

const HOLE_MS = 20_000;
/** More than what the kernels and programs on the way hold together, so that it is in the middle when the hole opens. */
const BYTES = 96 * 1_024 * 1_024;

const world = useWorld();

/** A shell, a put and a get between an agent and a client, each of which reaches the relay at a port of its own. */
async function startSession(
  name: string,
  key: Secret & { kind: 'key' },
  agentPort: number,
  clientPort: number,
) {
  const agent = await startAgent(world, {
    id: name,
    relay: `ws://127.0.0.1:${agentPort}`,
    args: ['--authorized-keys', `${key.file}.pub`],
  });
  const ssh = agent.card.ssh.replace(`127.0.0.1:${agentPort}`, `127.0.0.1:${clientPort}`);
  const way = await openWay(world, { ...agent, card: { ...agent.card, ssh } }, key);
  const counter = await startCounter(way, agent.job);
  const put = await startTransfer(way, agent.job, 'put', BYTES);
  const get = await startTransfer(way, agent.job, 'get', BYTES);
  return { name, agent, counter, put, get };
}

test('a shell, a put and a get outlive a black hole, on the side of the agent, of the client, and on both', async () => {
  const relay = await createMortalRelay(world);
  await relay.start();
  await using hole: BlackHole = await startBlackHole(relay.port);
  const key = await makeKey(world);
  const sessions = await Promise.all([
    startSession('agent-side', key, hole.port, relay.port),
    startSession('client-side', key, relay.port, hole.port),
    startSession('both-sides', key, hole.port, hole.port),
  ]);
  await Promise.all(sessions.map(({ counter }) => counter.moves()));

  const openedAt = Date.now();
  const inTheMiddle = sessions
    .flatMap(({ put, get }) => [put, get])
    .filter((transfer) => !transfer.isDone()).length;
  hole.swallow();
  await sleep(HOLE_MS);
  hole.heal();
  for (const { name, agent, counter, put, get } of sessions) {
    await counter.moves();
    console.log(`chaos: ${name}: the shell goes on ${Date.now() - openedAt} ms after the hole opened`);
    await put.finish();
    await get.finish();
    console.log(`chaos: ${name}: put and get are done ${Date.now() - openedAt} ms after the hole opened`);
    await counter.stop();
    expect(await agent.process.exited).toEqual({ code: 0, signal: null });
    expect(agent.process.stdout).not.toMatch(/given up|broken off|was refused/);
    expect(agent.process.stdout).toMatch(/resumed after/);
    const lost = agent.process.stdout.match(/lost its transport \(\w+\)/g);
    console.log(`chaos: ${name}: ${lost?.join(', ')}`);
  }
  console.log(`chaos: ${inTheMiddle} of 6 transfers were in the middle when the hole opened`);
  const [agentSide] = sessions;
  expect(agentSide.agent.process.stdout).toMatch(/lost its transport \(unanswered_ping\)/);
  expect(relay.process.stdout).toMatch(/"reason":"unanswered_ping"[^\n]*session ended/);
});
