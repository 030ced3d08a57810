// A relay that a stranger has made say nonsense, or that is older: what it orders must not cost the agent its link.
import { expect, onTestFinished, test } from 'vitest';
import { SUMMARY_EVERY_MS } from '#shared/time/summary.ts';
import { startAgent } from '../../services/agent/agent.ts';
import { parseInvocation } from '../../services/agent/command-line/cli.ts';
import { ownPlatform } from '../../services/agent/own-platform.ts';
import { MoodyRelay } from '../support/relay/moody-relay.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';

test('an agent that cannot read its dial orders ignores them, says so in one line and a number, and keeps its link', async () => {
  const relay = new MoodyRelay();
  const clock = new ManualClock(Date.UTC(2026, 10, 22, 14, 0, 0));
  const lines: string[] = [];
  const invocation = parseInvocation([`${await relay.start()}/agent/job`], {});
  if (invocation.kind !== 'run') throw new Error(JSON.stringify(invocation));
  const agent = await startAgent(invocation.options, {
    platform: ownPlatform(),
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/tmp',
    clock,
    random: () => 0.5,
    temporaryDirectory: '/tmp',
    program: ['/bin/true'],
    proxy: undefined,
    mask: 'zero',
    print: (line) => lines.push(line),
    complain: (line) => lines.push(line),
  });
  if (agent.kind !== 'running') throw new Error(agent.kind);
  onTestFinished(async () => {
    let hasEnded = false;
    void agent.ended.then(() => {
      hasEnded = true;
    });
    agent.end('signal');
    await until('the agent has ended', () => {
      clock.advance(1_000);
      return hasEnded;
    });
    relay.stop();
  });
  await until('the welcome', () => lines.length > 0);
  const [link] = relay.links;
  const orders = [
    { type: 'dial', ticket: 't', client: 'x'.repeat(1_025), resumable: true },
    { type: 'dial', ticket: 't', client: '192.0.2.1 and more', resumable: true },
    { type: 'dial', ticket: 't'.repeat(1_025), client: '192.0.2.1', resumable: true },
    { type: 'dial', client: '192.0.2.1' },
    { type: 'dial' },
  ];
  for (let round = 0; round < 100; round += 1) for (const order of orders) link?.send(JSON.stringify(order));
  const answered = Promise.withResolvers<void>();
  link?.on('pong', () => {
    answered.resolve();
  });
  link?.on('close', answered.resolve);
  link?.ping();
  await answered.promise;
  const told = () => lines.filter((line) => line.includes('dial order'));
  expect(told()).toEqual([
    expect.stringContaining('ignored a dial order: client is not an IP address'),
    expect.stringContaining('ignored a dial order: ticket is not a string of at most 1024 characters'),
  ]);
  clock.advance(SUMMARY_EVERY_MS);
  expect(told().slice(2)).toEqual([
    expect.stringContaining('ignored 199 more dial orders: client'),
    expect.stringContaining('ignored 299 more dial orders: ticket'),
  ]);
  expect(relay.links).toHaveLength(1);
  expect(link?.readyState).toBe(link?.OPEN);
});
