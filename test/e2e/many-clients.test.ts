// Ten clients of one agent at the same time, each with its own session and its own bytes.
import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { E2eAgent } from '../support/laptop/job.ts';
import type { Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';

const CLIENTS = 10;

const world = useWorld();
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  ({ agent, way } = await openJob(world));
});

test('ten clients at once get their own bytes back, and the agent ends when the last has left', async () => {
  const clients = Array.from({ length: CLIENTS }, () => way.startSsh([way.host, 'echo ready; cat']));
  await Promise.all(clients.map((client) => client.see(/ready\n/)));
  const { stdout } = await way.ssh([way.host, 'converge status']);
  expect(stdout).toContain(`clients  ${CLIENTS + 1} logged in`);

  const texts = clients.map(() => randomBytes(50_000).toString('hex'));
  for (const [index, client] of clients.entries()) client.child.stdin?.write(`${texts[index]}\n`);
  await Promise.all(clients.map((client) => client.see(/ready\n[0-9a-f]{100000}\n/)));
  expect(clients.map(({ stdout }) => stdout)).toEqual(texts.map((text) => `ready\n${text}\n`));

  for (const client of clients) client.child.stdin?.end();
  const exits = await Promise.all(clients.map(({ exited }) => exited));
  expect(exits).toEqual(clients.map(() => ({ code: 0, signal: null })));
  expect(await agent.process.exited).toEqual({ code: 0, signal: null });
});
