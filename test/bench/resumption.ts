// Resumption: how long after a relay is back the last of 200 sessions goes on, when it was killed with all of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { STABLE_AFTER_MS } from '#shared/resume/limits.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { openResumableSession } from '../support/relay/echo-session.ts';
import { percentile } from './figures.ts';
import type { PartOptions } from './part.ts';
import { startPod } from './pod.ts';

const SESSIONS = 200;
const EXCHANGED_BYTES = 1000;

export async function measureResume({ figures, isFull, rounds, say }: PartOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const pod = stack.use(await startPod('bench-resume'));
  const agent = stack.use(new EchoAgent({ id: 'bench', linkPort: pod.port }));
  await agent.linked();
  const sessions = await Promise.all(
    Array.from({ length: SESSIONS }, () => openResumableSession(pod.port, 'bench')),
  );
  for (const session of sessions) stack.use(session);
  await Promise.all(sessions.map((session) => session.exchange(EXCHANGED_BYTES)));
  const times = isFull ? rounds : 1;
  say(`${SESSIONS} sessions, ${times} times kill -9`);
  for (let round = 0; round < times; round += 1) {
    // One that is lost again sooner than that dials ever more slowly, as it should: here every loss is the first.
    await sleep(STABLE_AFTER_MS);
    await pod.kill();
    const killed = performance.now();
    const resumed = sessions.map(async (session) => {
      await session.exchange(EXCHANGED_BYTES);
      return performance.now();
    });
    await pod.start();
    const ready = performance.now();
    const seconds = (await Promise.all(resumed)).map((at) => (at - ready) / 1000);
    figures.add('resume.outage', 's', (ready - killed) / 1000);
    figures.add('resume.median', 's', percentile(seconds, 0.5));
    figures.add('resume.last', 's', Math.max(...seconds));
  }
}
