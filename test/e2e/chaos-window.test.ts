// A relay that stays away for longer than the agent keeps a session: both ends end it, and the job waits for its client.
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createMortalRelay, type MortalRelay } from '../support/chaos/mortal-relay.ts';
import { openWay, type Way } from '../support/laptop/laptop.ts';
import { type OpenJob, openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import { type BlackHole, startBlackHole } from '../support/network/black-hole.ts';

const FINE = { code: 0, signal: null };

const world = useWorld();

type Scene = OpenJob & { readonly relay: MortalRelay };

async function setUp(args: readonly string[] = [], { held = false } = {}): Promise<Scene> {
  const relay = await createMortalRelay(world);
  await relay.start();
  const patience = ['--resume-window', '2s', ...args];
  const job = await openJob(world, { relay: `ws://127.0.0.1:${relay.port}`, args: patience, held });
  return { relay, ...job };
}

const INTERVAL = `ServerAliveInterval=${process.env['CHAOS_ALIVE_SECONDS'] ?? 1}`;
/** Longer than ssh waits with that interval and three misses, on a quiet machine: the outage lasts until it has given up. */
const OUTAGE_MS = Number(process.env['CHAOS_OUTAGE_MS'] ?? 6_000);

test('probes of ssh that give up before the relay is back end the session; those of the card do not', async () => {
  const relay = await createMortalRelay(world);
  await relay.start();
  const { agent, key, way } = await openJob(world, { relay: `ws://127.0.0.1:${relay.port}` });
  const impatient = {
    ...agent.card,
    ssh: agent.card.ssh
      .replaceAll(/ServerAliveInterval=\d+/g, INTERVAL)
      .replaceAll(/ServerAliveCountMax=\d+/g, 'ServerAliveCountMax=3'),
  };
  const patientClient = way.startSsh([way.host, 'echo in; cat']);
  const impatientWay = await openWay(world, { ...agent, card: impatient }, key);
  const impatientClient = impatientWay.startSsh([way.host, 'echo in; cat']);
  await Promise.all([patientClient.see(/in\n/), impatientClient.see(/in\n/)]);
  await relay.end('SIGKILL');
  const lostAt = Date.now();
  const gaveUp = once(impatientClient.child, 'exit').then(() => {
    console.log(`chaos: ssh with ${INTERVAL} and three misses gave up after ${Date.now() - lostAt} ms`);
  });
  await Promise.all([gaveUp, sleep(OUTAGE_MS)]);
  expect(impatientClient.child.exitCode).toBe(255);
  expect(patientClient.isRunning).toBe(true);
  console.log(`chaos: outage of ${Date.now() - lostAt} ms`);
  await relay.start();
  patientClient.child.stdin?.end('still here\n');
  expect(await patientClient.exited).toEqual(FINE);
  expect(patientClient.stdout).toBe('in\nstill here\n');
  expect((await impatientClient.exited).code).toBe(255);
  expect(await agent.process.exited).toEqual(FINE);
});

describe.concurrent('a session without a relay for longer than its window', () => {
  test('ends at the agent, which waits for its client to come again, and ends when that one leaves', async () => {
    const { relay, agent, way } = await setUp();
    const client = way.startSsh([way.host, 'echo in; cat; echo out > left']);
    await client.see(/in\n/);
    await relay.end('SIGKILL');
    await agent.process.see(/given up: its client did not come back within 2 seconds/);
    await agent.process.see(
      /was lost after .* without a goodbye; nobody is connected: waits until \d\d:\d\d UTC/,
    );
    client.kill('SIGTERM');
    await client.exited;
    await relay.start();
    expect((await way.ssh([way.host, 'echo again'])).stdout).toBe('again\n');
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/nobody is connected\n.*ended: the last client left\n$/);
  });

  test('ends at the agent, which waits until its deadline, and no longer', async () => {
    const { relay, agent, way } = await setUp(['--timeout', '6s'], { held: true });
    const client = way.startSsh([way.host, 'echo in; cat']);
    await client.see(/in\n/);
    await relay.end('SIGKILL');
    await agent.process.see(/was lost after .*; nobody is connected: waits until/);
    // However long it took to get here: from now on the deadline is that of the last activity.
    await rm(join(agent.job, '.hold'));
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/was lost after .*\n[^]*ended: the deadline was reached\n$/);
    client.kill('SIGTERM');
    await client.exited;
  });

  test('ends at the client too, which the agent told of its window: wsproxy says why, and ssh exits 255', async () => {
    const { relay, agent, way } = await setUp();
    await writeFile(join(agent.job, '.hold'), '');
    const client = way.startSsh([way.host, 'echo in; cat']);
    await client.see(/in\n/);
    await relay.end('SIGKILL');
    await agent.process.see(/nobody is connected/);
    expect(await client.exited).toEqual({ code: 255, signal: null });
    expect(client.stderr).toMatch(/^wsproxy: the connection broke: no connection for 2 seconds$/m);
    expect(agent.process.isRunning).toBe(true);
    await relay.start();
    expect((await way.ssh([way.host, 'echo again'])).stdout).toBe('again\n');
    await rm(join(agent.job, '.hold'));
    expect(await agent.process.exited).toEqual(FINE);
  });

  test('leaves the agent where it is when another client is there', async () => {
    const { relay, agent, key, way } = await setUp();
    const own: BlackHole = await startBlackHole(relay.port);
    const ssh = agent.card.ssh.replace(`127.0.0.1:${relay.port}`, `127.0.0.1:${own.port}`);
    const ownWay = await openWay(world, { ...agent, card: { ...agent.card, ssh } }, key);
    const [first, second] = [ownWay, way].map((each) => each.startSsh([each.host, 'echo in; cat'])) as [
      ReturnType<Way['startSsh']>,
      ReturnType<Way['startSsh']>,
    ];
    await Promise.all([first.see(/in\n/), second.see(/in\n/)]);
    // As when a laptop is closed: it says nothing, and its connection breaks, and no other one.
    first.kill('SIGSTOP');
    await own[Symbol.asyncDispose]();
    await agent.process.see(/was lost after .*; 1 client is connected\n/);
    expect(agent.process.isRunning).toBe(true);
    second.child.stdin?.end();
    expect(await second.exited).toEqual(FINE);
    expect(await agent.process.exited).toEqual(FINE);
    first.kill('SIGKILL');
    await first.exited;
  });
});
