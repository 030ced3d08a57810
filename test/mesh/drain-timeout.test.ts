// A drain that somebody holds up: a session that cannot move is ended when its time is over, and the pod ends well.
import { expect, test } from 'vitest';
import { useMesh } from '../support/mesh/mesh.ts';

const mesh = useMesh({ DRAIN_TIMEOUT_SECONDS: '1' });

test('a plain session ends with the pod of its client, which hears why', async () => {
  const agent = await mesh.agent('held-up');
  const pod = mesh.pod(agent.pod);
  const plain = await mesh.plain('held-up', pod.port);
  await plain.exchange(1_000);
  const exit = pod.end('SIGTERM');
  expect(await plain.end()).toMatchObject({ reason: 'going_away' });
  expect(await exit).toEqual({ code: 0, signal: null });
});
