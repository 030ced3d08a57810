// What an operator ends stays ended: sessions that resume do not, and an agent ends its job with a sentence.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AGENT_PROGRAM, startAgentProcess } from '../../support/process/agent-program.ts';
import { EchoAgent } from '../../support/relay/echo-agent.ts';
import { openResumableSession } from '../../support/relay/echo-session.ts';
import type { RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { until } from '../../support/time/poll.ts';

interface Report {
  readonly token: string;
  readonly agents: readonly { readonly id: string }[];
  readonly sessions: readonly { readonly handle: string }[];
}

async function reportOf(relay: RunningRelay, view: string): Promise<Report> {
  const answer = await fetch(`http://127.0.0.1:${relay.internalPort}/operator.json?view=${view}`);
  return (await answer.json()) as Report;
}

async function actOn(relay: RunningRelay, fields: Readonly<Record<string, string>>): Promise<unknown> {
  const { token } = await reportOf(relay, 'agents');
  const origin = `http://127.0.0.1:${relay.internalPort}`;
  const body = new URLSearchParams({ token, by: 'ada', ...fields });
  const headers = { origin, accept: 'application/json' };
  return (await fetch(`${origin}/operator/act`, { method: 'POST', headers, body })).json();
}

test('a session that could resume does not, at either end, and the next one gets in', async () => {
  const relay = await openRelay();
  await using agent = new EchoAgent({ id: 'job', linkPort: relay.port });
  await agent.linked();
  using session = await openResumableSession(relay.port, 'job');
  await session.exchange(1_000);
  const [listed] = (await reportOf(relay, 'sessions')).sessions;
  expect(await actOn(relay, { action: 'end_session', handle: listed?.handle ?? '' })).toMatchObject({
    kind: 'done',
  });
  expect(await session.end()).toMatchObject({ reason: 'ended_by_operator' });
  await until('the agent has forgotten it', () =>
    agent.events.some((event) => event.includes('ended_by_operator')),
  );
  expect(agent.events.join()).not.toContain('detached');
  using another = await openResumableSession(relay.port, 'job');
  await another.exchange(1_000);
  expect(session.lines).toEqual([]);
});

test('an agent that is ended exits with 4 and says who ended it, and dials no more', async () => {
  const relay = await openRelay();
  const folder = await mkdtemp(join(tmpdir(), 'converge-operator-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const url = `ws://127.0.0.1:${relay.port}/agent/job`;
  const agent = startAgentProcess(AGENT_PROGRAM, [url], { cwd: folder });
  onTestFinished(() => void agent.child.kill('SIGKILL'));
  await until('it is linked', async () => (await reportOf(relay, 'agents')).agents.length === 1, 30_000);
  expect(await actOn(relay, { action: 'end_agent', id: 'job' })).toMatchObject({ kind: 'done' });
  expect(await agent.ended).toBe(4);
  expect(agent.output()).toContain(
    `an operator of the relay at 127.0.0.1:${relay.port} ended this agent: ask whoever runs that relay before you start another`,
  );
  expect(relay.log.filter(({ msg }) => msg === 'agent linked')).toHaveLength(1);
});
