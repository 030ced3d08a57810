// The stranger of the session check: whether a relay keeps out who has no proof, told apart from all else that may be wrong.
import { beforeEach, expect, test } from 'vitest';
import { isGuarded } from '../../../deploy/session-check/stranger.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { GOOD_PROOF, TestPolicy } from '../../support/relay/test-policy.ts';
import { openRelay } from '../../support/relay/test-relay.ts';

let policy: TestPolicy;
beforeEach(() => {
  policy = new TestPolicy();
});

const signal = new AbortController().signal;

test('a relay that asks keeps it out, as an agent and as a client', async () => {
  const { port } = await openRelay({ gateParts: policy.parts });
  using _agent = await openAgent(port, 'job', { headers: GOOD_PROOF });
  for (const role of ['agent', 'client'] as const)
    expect(await isGuarded(`ws://127.0.0.1:${port}`, role, 'job', signal), role).toBe(true);
});

test('one whose policy has rules for one side only keeps it out there', async () => {
  const { current } = policy.source;
  if (current !== undefined) policy.source.current = { ...current, agents: undefined };
  const { port } = await openRelay({ gateParts: policy.parts });
  const relay = `ws://127.0.0.1:${port}`;
  expect(await isGuarded(relay, 'agent', 'job', signal)).toBe(false);
  expect(await isGuarded(relay, 'client', 'job', signal)).toBe(true);
});

test('one that is open does not, nor does another refusal count as guarding', async () => {
  const { port } = await openRelay();
  const relay = `ws://127.0.0.1:${port}`;
  expect(await isGuarded(relay, 'agent', 'job', signal)).toBe(false);
  expect(await isGuarded(relay, 'client', 'nobody', signal)).toBe(false);
  expect(await isGuarded(relay, 'agent', '-', signal)).toBe(false);
});

test('one that is not there is a fault', async () => {
  await expect(isGuarded('ws://127.0.0.1:1', 'agent', 'job', signal)).rejects.toThrow('ECONNREFUSED');
});
