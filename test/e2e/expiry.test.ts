// When an agent ends, for real and with short times: nobody comes, the client leaves, the hold file, a signal, the relay.
import { access, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { launchAgent, startAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Secret } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { freePort } from '../support/network/ports.ts';

const FINE = { code: 0, signal: null };

const world = useWorld();
let key: Secret & { kind: 'key' };
let keys: readonly [string, string];

beforeAll(async () => {
  key = await makeKey(world);
  keys = ['--authorized-keys', `${key.file}.pub`];
});

describe.concurrent('an agent', () => {
  test('to which nobody comes ends with 0 at the deadline', async () => {
    const { process: agent, job } = await startAgent(world, { args: ['--timeout', '2s'], held: true });
    // However long the start took: from now on the deadline is that of the start.
    await rm(join(job, '.hold'));
    expect(await agent.exited).toEqual(FINE);
    expect(agent.stdout).toMatch(/ended: nobody logged in before the deadline\n$/);
    expect(agent.stderr).toBe('');
  });

  test('ends with 0 when its last client leaves', async () => {
    const agent = await startAgent(world, { args: keys });
    const way = await openWay(world, agent, key);
    const first = way.startSsh([way.host, 'echo in; cat']);
    await first.see(/in/);
    expect((await way.ssh([way.host, 'true'])).code).toBe(0);
    expect(agent.process.isRunning).toBe(true);
    first.child.stdin?.end();
    expect((await first.exited).code).toBe(0);
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(
      /logged out after .*; nobody is connected\n.*ended: the last client left\n$/,
    );
  });

  test('that is held stays when its client leaves, and ends with 0 when it is let go', async () => {
    const agent = await startAgent(world, { args: keys });
    const way = await openWay(world, agent, key);
    expect((await way.ssh([way.host, 'cd / && touch $agentdir/.hold'])).code).toBe(0);
    await agent.process.see(/nobody is connected/);
    await agent.process.see(/held by \.hold until/);
    expect((await way.ssh([way.host, 'test -e .hold'])).code).toBe(0);
    expect(agent.process.isRunning).toBe(true);
    await rm(join(agent.job, '.hold'));
    expect(await agent.process.exited).toEqual(FINE);
    // Which of the two it hears of last, the end of the second client or that of the hold, is not for this test to say.
    expect(agent.process.stdout).toMatch(
      /ended: (the hold was let go and no client is logged in|the last client left)\n$/,
    );
  });

  test('is kept longer by a newer hold file, and ends with 0 at its deadline', async () => {
    // Held for minutes until somebody has been in, however long that takes.
    const agent = await startAgent(world, { args: [...keys, '--timeout', '3s'], held: true });
    const way = await openWay(world, agent, key);
    expect((await way.ssh([way.host, 'true'])).code).toBe(0);
    const heldUntil = Date.now() + 3_000;
    const hold = join(agent.job, '.hold');
    await utimes(hold, heldUntil / 1_000, heldUntil / 1_000);
    expect(await agent.process.exited).toEqual(FINE);
    expect(Date.now()).toBeGreaterThan(heldUntil + 2_900);
    expect(agent.process.stdout).toMatch(/ended: the deadline was reached\n$/);
    await access(hold);
  });

  test('tells its sessions and ends with 0 on SIGTERM', async () => {
    const agent = await startAgent(world, { args: keys });
    const way = await openWay(world, agent, key);
    const shell = way.openTerminal();
    await shell.see(/[$#] $/);
    agent.process.kill('SIGTERM');
    await shell.see(/converge: this session ends now: the job was told to stop\r\n/);
    expect(await agent.process.exited).toEqual(FINE);
    expect(agent.process.stdout).toMatch(/ended: the job was told to stop\n$/);
  });

  test('that never reaches its relay says so once and ends with 3 at the deadline', async () => {
    const relay = `ws://127.0.0.1:${await freePort()}`;
    const { process: agent } = await launchAgent(world, { relay, args: ['--timeout', '8s'] });
    expect((await agent.exited).code).toBe(3);
    expect(agent.stdout).toBe('');
    expect(agent.stderr).toMatch(
      /^agent: relay 127\.0\.0\.1:\d+: .*; trying again for \d s\nagent: no relay took this agent before the deadline\n$/,
    );
  });

  test('whose ID is taken says so in one line and goes on trying', async () => {
    const { id } = await startAgent(world);
    const { process: second } = await launchAgent(world, { id });
    await second.see(/\n/);
    expect(second.stderr).toMatch(/^agent: .* refused: .*\(id_taken\); trying again for 50 s\n$/);
    expect(second.stderr).toContain(id);
    expect(second.isRunning).toBe(true);
  });
});

test.each([
  [['--no-such-option'], /--no-such-option/],
  [['--timeout', 'soon'], /--timeout.*"soon"/],
  [['--timeout', '7h'], /--timeout \(7h\) is longer than --max-lifetime \(6h\)/],
  [['--password', 'short'], /--password is too short \(5 characters\)/],
  [['--authorized-keys', '/no/such/file'], /\/no\/such\/file: no such file/],
  [['--shell', 'bash'], /"bash" is not an absolute path/],
])('an agent with %j ends with 2 and one line', async (args, line) => {
  const { process: agent } = await launchAgent(world, { args });
  expect(await agent.exited).toEqual({ code: 2, signal: null });
  expect(agent.stdout).toBe('');
  expect(agent.stderr).toMatch(/^agent: .*\n$/);
  expect(agent.stderr).toMatch(line);
});
