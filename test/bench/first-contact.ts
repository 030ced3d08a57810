// First contact: from a client's first packet to the SSH banner of the agent, on one pod and with a hop.
import { systemClock } from '#shared/time/clock.ts';
import { parseClientUrl } from '../../services/clients/connection/client-url.ts';
import { connect } from '../../services/clients/connection/connect.ts';
import { startRedisProcess } from '../support/redis/redis-process.ts';
import { makeKeyFolder, startBenchAgent } from '../support/ssh/sshd.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';

const QUICK_TIMES = 20;
const FULL_TIMES = 100;

/** Connects as wsproxy does, and waits for the first bytes; the result is in milliseconds. */
async function reach(url: string): Promise<number> {
  const parsed = parseClientUrl(url);
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  const began = performance.now();
  const outcome = await connect({
    target: parsed.target,
    proxy: undefined,
    waitMs: 0,
    relayPatienceMs: 0,
    clock: systemClock,
    notify: () => undefined,
  });
  if (outcome.kind !== 'connected') throw new Error(JSON.stringify(outcome));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  outcome.stream.attach({
    data: () => resolve(performance.now() - began),
    drained: () => undefined,
    ended: (end) => reject(new Error(`ended: ${end.reason}`)),
  });
  const milliseconds = await promise;
  outcome.stream.close({ reason: 'ended' });
  await outcome.over;
  return milliseconds;
}

export async function measureConnect({ figures, isFull, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await makeKeyFolder(stack);
  const redis = stack.use(await startRedisProcess());
  const owner = stack.use(await startPod('bench-owner', { redisUrl: redis.url }));
  const other = stack.use(await startPod('bench-other', { redisUrl: redis.url }));
  await startBenchAgent(stack, folder, { wsUrl: owner.wsUrl });
  const times = isFull ? FULL_TIMES : QUICK_TIMES;
  say(`${times} times each`);
  for (let turn = -5; turn < times; turn += 1) {
    const local = await reach(`${owner.wsUrl}/client/bench`);
    const hop = await reach(`${other.wsUrl}/client/bench`);
    // The first ones warm up.
    if (turn < 0) continue;
    figures.add('connect.local', 'ms', local);
    figures.add('connect.hop', 'ms', hop);
  }
}
