// Chaos over three pods and a Redis: pods are killed and replaced, Redis is killed, wiped and frozen; nobody's session ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type ChaosChance, takeChance } from '../support/chance/chaos-chance.ts';
import { type Mesh, useMesh } from '../support/mesh/mesh.ts';
import { openSshLine, type SshLine } from '../support/mesh/mesh-ssh.ts';
import type { EchoSession } from '../support/relay/echo-session.ts';

const ROUNDS = 4;
const PAUSE_MS = [100, 900] as const;
/** Of all sessions together, so that there is traffic at every moment and the cores have time for more than that. */
const CHUNK_BYTES = 128 * 1024;
const CHUNK_PAUSE_MS = 100;

const mesh = useMesh({ DRAIN_TIMEOUT_SECONDS: '1' });

test('no resumable session ends, no byte is lost, and every ID is reachable again', async () => {
  const chance = takeChance();
  const ids = Array.from({ length: 6 }, (_, index) => `chaos-${index}`);
  const agents = await Promise.all(ids.map((id) => mesh.agent(id)));
  const sessions = await Promise.all([...ids, ...ids].map((id) => mesh.resumable(id)));
  const line = mesh.guest(await openSshLine(mesh.balancer.port, 'chaos-ssh'));
  await line.say('line 0');

  let isOver = false;
  const traffic = [
    ...sessions.map((session) => keepTalking(session, () => isOver)),
    keepTyping(line, () => isOver),
  ];
  const done: string[] = [];
  const chaos = (async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await sleep(chance.between(...PAUSE_MS));
      done.push(await wreak(mesh, chance, round));
    }
    isOver = true;
  })();
  await chaos;
  await Promise.all(traffic);

  const times: number[] = [];
  for (const id of ids) times.push(await mesh.reachable(id));
  await Promise.all(sessions.map((session) => session.exchange(CHUNK_BYTES)));
  await line.say('the last line');
  const mebibytes = sessions.reduce((sum, { received }) => sum + received, 0) / 2 ** 20;
  const resumed = agents.flatMap(({ events }) => events).filter((event) => event === 'resumed').length;
  console.log(
    `chaos: ${done.join('\n')}\n${mebibytes.toFixed(0)} MiB each way, ${resumed} resumptions; each ID reachable from ` +
      `every pod after ${times.join(', ')} ms`,
  );
  expect(sessions.filter(({ ended }) => ended !== undefined)).toEqual([]);
  expect(agents.flatMap(({ events }) => events).filter((event) => event === 'given_up')).toEqual([]);
  expect(resumed).toBeGreaterThan(0);
});

/** One pod goes and comes back, while Redis has a bad moment of its own. */
async function wreak({ pods, redis }: Mesh, chance: ChaosChance, round: number): Promise<string> {
  const pod = pods[chance.between(0, pods.length)];
  if (pod === undefined) throw new Error('no pod');
  const signal = chance.between(0, 2) === 0 ? 'SIGKILL' : 'SIGTERM';
  const since = Date.now();
  const ended = pod.end(signal);
  const word = ['killed and wiped', 'restarted', 'frozen'][round % 3] ?? '';
  switch (word) {
    case 'killed and wiped':
      await redis.kill();
      await sleep(chance.between(...PAUSE_MS));
      await redis.restart({ keep: false });
      break;
    case 'restarted':
      await redis.restart({ keep: true });
      break;
    default:
      await redis.pause();
      await sleep(chance.between(...PAUSE_MS));
      await redis.resume();
  }
  await ended;
  const goneMs = Date.now() - since;
  await pod.start();
  return `${pod.name} ${signal} (gone after ${goneMs} ms, back after ${Date.now() - since} ms), redis ${word}`;
}

async function keepTalking(session: EchoSession, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await session.exchange(CHUNK_BYTES);
    await sleep(CHUNK_PAUSE_MS);
  }
}

async function keepTyping(line: SshLine, isOver: () => boolean): Promise<void> {
  for (let number = 1; !isOver(); number += 1) {
    await line.say(`line ${number}`);
    await sleep(CHUNK_PAUSE_MS);
  }
}
