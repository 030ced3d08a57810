// Both ends of a sign-on: wsproxy, a relay with a policy file, and a real provider.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openClientProgram } from '../../support/clients/test-program.ts';
import type { ClientProgram } from '../../support/process/client-program.ts';
import { openAgent, openAgentStream, socketOf } from '../../support/relay/fake-agent.ts';
import { openSignOnWorld } from '../../support/sso/sign-on-world.ts';
import { until } from '../../support/time/poll.ts';

const CODE = /shows the code (\S+);/;

async function expectSession(
  port: number,
  agent: Awaited<ReturnType<typeof openAgent>>,
  program: ClientProgram,
  index: number,
): Promise<void> {
  const { ticket } = await agent.dial(index);
  const stream = socketOf(await openAgentStream(port, 'job', ticket));
  expect(stream.readyState).toBe(1);
  program.child.kill('SIGKILL');
  await program.exit;
}

test('wsproxy shows a code, is let in by the policy file, and asks nobody the next time', async () => {
  const home = await mkdtemp(join(tmpdir(), 'converge-both-ends-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const { issuer, relay } = await openSignOnWorld({ hasPolicyFile: true });
  using agent = await openAgent(relay.port, 'job');
  const url = `ws://127.0.0.1:${relay.port}/client/job`;

  const first = openClientProgram('wsproxy', [url], { HOME: home });
  const code = await until('it shows a code', () => CODE.exec(first.errors())?.[1], 30_000);
  await issuer.answerDevice(code, 'ada');
  await expectSession(relay.port, agent, first, 0);
  expect(relay.log.find(({ msg }) => msg === 'signed on')).toMatchObject({ subject: 'ada@example.com' });

  const asked = issuer.asked.length;
  const next = openClientProgram('wsproxy', [url], { HOME: home });
  await expectSession(relay.port, agent, next, 1);
  expect(issuer.asked).toHaveLength(asked);

  const other = await mkdtemp(join(tmpdir(), 'converge-both-ends-'));
  onTestFinished(() => rm(other, { recursive: true, force: true }));
  const stranger = openClientProgram('wsproxy', [url], { HOME: other });
  const theirs = await until('it shows a code', () => CODE.exec(stranger.errors())?.[1], 30_000);
  await issuer.answerDevice(theirs, 'bob');
  expect(await stranger.exit).toBe(4);
  expect(stranger.errors()).toContain('groups');
}, 120_000);
