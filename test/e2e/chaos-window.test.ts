// A relay that stays away for longer than the agent keeps a session: both ends end, and the job is let go.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createMortalRelay, type MortalRelay } from '../support/chaos-relay.ts';
import { type E2eAgent, startAgent } from '../support/e2e-agent.ts';
import { makeKey, openWay, type Way } from '../support/e2e-laptop.ts';
import { useWorld } from '../support/e2e-world.ts';

const FINE = { code: 0, signal: null };

const world = useWorld();

interface Scene {
  readonly relay: MortalRelay;
  readonly agent: E2eAgent;
  readonly way: Way;
}

async function setUp(args: readonly string[] = []): Promise<Scene> {
  const relay = await createMortalRelay(world);
  await relay.start();
  const key = await makeKey(world);
  const agent = await startAgent(world, {
    relay: `ws://127.0.0.1:${relay.port}`,
    args: ['--authorized-keys', `${key.file}.pub`, '--resume-window', '2s', ...args],
  });
  return { relay, agent, way: await openWay(world, agent, key) };
}

describe.concurrent('a session without a relay for longer than its window', () => {
  test('ends at the agent, which counts its client as gone and exits 0', async () => {
    const { relay, agent, way } = await setUp();
    const client = way.startSsh([way.host, 'echo in; cat; echo out > left']);
    await client.see(/in\n/);
    await relay.end('SIGKILL');
    await agent.process.see(/given up: its client did not come back within 2 seconds/);
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/nobody is connected\n.*ended: the last client left\n$/);
    client.kill('SIGTERM');
    await client.exited;
  });

  test('ends at the client too when the relay is back: wsproxy says why, and ssh exits 255', async () => {
    const { relay, agent, way } = await setUp();
    await writeFile(join(agent.job, '.hold'), '');
    const client = way.startSsh([way.host, 'echo in; cat']);
    await client.see(/in\n/);
    await relay.end('SIGKILL');
    await agent.process.see(/nobody is connected/);
    await relay.start();
    expect(await client.exited).toEqual({ code: 255, signal: null });
    expect(client.stderr).toMatch(
      /^wsproxy: the connection broke: the agent does not know this session any more \(unknown_session\)$/m,
    );
    expect(agent.process.isRunning).toBe(true);
    expect((await way.ssh([way.host, 'echo again'])).stdout).toBe('again\n');
    await rm(join(agent.job, '.hold'));
    expect(await agent.process.exited).toEqual(FINE);
  });

  test('leaves the agent where it is when another client is there', async () => {
    const { relay, agent, way } = await setUp();
    const [first, second] = [0, 1].map(() => way.startSsh([way.host, 'echo in; cat'])) as [
      ReturnType<Way['startSsh']>,
      ReturnType<Way['startSsh']>,
    ];
    await Promise.all([first.see(/in\n/), second.see(/in\n/)]);
    // As when a laptop is closed: it says nothing, and its connection breaks.
    first.kill('SIGSTOP');
    await relay.end('SIGKILL');
    await relay.start();
    await agent.process.see(/logged out after .*; 1 client is connected/);
    expect(agent.process.isRunning).toBe(true);
    second.child.stdin?.end();
    expect(await second.exited).toEqual(FINE);
    expect(await agent.process.exited).toEqual(FINE);
    first.kill('SIGKILL');
    await first.exited;
  });
});
