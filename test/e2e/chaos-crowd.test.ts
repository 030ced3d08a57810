// Two hundred sessions lose their relay at the same moment: all go on, and not all in the same moment.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { countingCommand, histogramOf, joinCrowd, type Member } from '../support/chaos/crowd.ts';
import { createMortalRelay } from '../support/chaos/mortal-relay.ts';
import { startAgent } from '../support/laptop/job.ts';
import { makeKey, openLaptop } from '../support/laptop/laptop.ts';
import { binary, useWorld } from '../support/laptop/world.ts';
import { until } from '../support/time/poll.ts';

const SESSIONS = 200;
/** Sessions that are set up at the same time. */
const ARRIVALS = 10;
const EXIT_CODE = 7;
const HISTOGRAM_BIN_MS = 50;

const world = useWorld();

test(`${SESSIONS} sessions outlive one kill -9 of their relay`, async () => {
  const relay = await createMortalRelay(world);
  await relay.start();
  const key = await makeKey(world);
  const agent = await startAgent(world, {
    relay: `ws://127.0.0.1:${relay.port}`,
    args: ['--authorized-keys', `${key.file}.pub`],
    held: true,
  });
  const laptop = await openLaptop(world);
  const url = `ws://127.0.0.1:${relay.port}/client/${agent.id}#${agent.card.fingerprint}`;
  const tcptows = laptop.start([binary('tcptows'), '0', url]);
  const [, port = ''] = await tcptows.see(/^listening on 127\.0\.0\.1:(\d+)/m);

  const command = countingCommand(EXIT_CODE);
  const crowd: Member[] = [];
  const startedAt = Date.now();
  const arrivals = Array.from({ length: ARRIVALS }, async () => {
    for (let n = 0; n < SESSIONS / ARRIVALS; n += 1) {
      crowd.push(await joinCrowd({ port: Number(port), keyFile: key.file, command }));
    }
  });
  await Promise.all(arrivals);
  console.log(`chaos: ${crowd.length} sessions after ${Date.now() - startedAt} ms`);

  await relay.end('SIGKILL');
  await relay.start();
  const relayBackAt = Date.now();
  const gaps = await Promise.all(
    crowd.map(async (member) => {
      for (;;) {
        const at = await member.next();
        // Before that, it is what had already passed the relay.
        if (at > relayBackAt) return at - relayBackAt;
      }
    }),
  );
  const latest = Math.max(...gaps);
  console.log(
    `chaos: all go on, the last one ${latest} ms after the relay was back:\n${histogramOf(gaps, HISTOGRAM_BIN_MS)}`,
  );
  expect(await relay.isReady()).toBe(true);
  // The job log tells the first hundred of them, and of the rest the number.
  await until(
    'all resumptions are reported',
    async () => (await relay.metric('converge_resumes_total{outcome="resumed"}')) >= SESSIONS,
  );

  await writeFile(join(agent.job, 'stop'), '');
  expect(await Promise.all(crowd.map(({ exit }) => exit))).toEqual(crowd.map(() => EXIT_CODE));
  for (const { numbers } of crowd) expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(agent.process.stdout).not.toMatch(/given up|broken off|was refused/);
});
