// A relay that is killed again and again: transfers and a shell go on as if nothing had happened.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { takeChance } from '../support/chance/chaos-chance.ts';
import { startCounter } from '../support/chaos/counter.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { startTransfer, TRANSFER_BYTES } from '../support/chaos/transfer.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';

const KILLS = 20;
/** A relay is killed so long after the shell went on; one of each four so long after it was ready, before anybody is back. */
const LIFE_MS = [0, 1_000] as const;
const EARLY_IN = 4;
const DEATH_MS = [0, 600] as const;

const world = useWorld();

test('a put, a get and a shell outlive twenty relays that are killed with -9', async () => {
  const chance = takeChance();
  const relay = await createMortalRelay(world);
  await relay.start();
  const { agent, way } = await openJob(world, { relay: `ws://127.0.0.1:${relay.port}` });
  const counter = await startCounter(way, agent.job);
  const transfers = {
    put: await startTransfer(way, agent.job, 'put'),
    get: await startTransfer(way, agent.job, 'get'),
  };

  const startedAt = Date.now();
  let duringTransfers = 0;
  let early = 0;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    if (kill % EARLY_IN === 1) early = kill + chance.between(0, EARLY_IN);
    if (kill !== early) await counter.moves();
    await sleep(chance.between(...LIFE_MS));
    if (!transfers.put.isDone() || !transfers.get.isDone()) duringTransfers += 1;
    await relay.end('SIGKILL');
    await sleep(chance.between(...DEATH_MS));
    await relay.start();
  }
  const chaosMs = Date.now() - startedAt;
  const putMs = await transfers.put.finish();
  const getMs = await transfers.get.finish();
  const lines = await counter.stop();

  const resumed = agent.process.stdout.match(/ resumed after /g)?.length ?? 0;
  console.log(
    `chaos: ${KILLS} kills in ${chaosMs} ms, ${duringTransfers} of them during transfers of ${TRANSFER_BYTES / 2 ** 20} MiB ` +
      `(put ${putMs} ms, get ${getMs} ms); ${resumed} resumptions, ${lines} lines counted`,
  );
  expect(resumed).toBeGreaterThanOrEqual(KILLS / 2);
  expect(await agent.process.exited).toEqual({ code: 0, signal: null });
  expect(agent.process.stdout).not.toMatch(/given up|broken off|was refused/);
});
