// A step that holds says once a minute how to come in: GitHub shows a running log from where it is when somebody opens it.
import { afterEach, expect, test, vi } from 'vitest';
import { runMainStep } from '../../../../deploy/ci/github/action-steps.ts';
import { REMIND_EVERY_MS } from '../../../../deploy/ci/github/door.ts';
import { openActionWorld } from '../../../support/github/action-world.ts';

/** What never comes is told late, and what comes is seen at once. */
const PATIENT = { timeout: 50_000 };

afterEach(() => {
  vi.useRealTimers();
});

test('the line comes again and again, and no more when the door is shut', async () => {
  await using world = await openActionWorld();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let log = '';
  const step = runMainStep({
    env: {
      PATH: process.env['PATH'],
      STUB_FOLDER: world.folder,
      GITHUB_EVENT_NAME: 'push',
      GITHUB_TRIGGERING_ACTOR: 'octocat',
      INPUT_RELAY: world.relay.url,
      INPUT_ACCESS: 'actor',
      'INPUT_CHECK-RUN': 'false',
      'INPUT_JOB-STATUS': 'failure',
      RUNNER_TEMP: world.folder,
    },
    write: (text) => {
      log += text;
    },
    onCancel: () => () => {},
  });
  const count = (): number =>
    log.match(/^converge: this job is open for SSH: \.\/wsproxy ssh .*$/gm)?.length ?? 0;
  await expect.poll(async () => (await world.calls()).at(-1)?.command, PATIENT).toBe('wait');
  await expect.poll(() => vi.getTimerCount(), PATIENT).toBe(1);
  expect(count()).toBe(0);
  vi.advanceTimersByTime(3 * REMIND_EVERY_MS);
  expect(count()).toBe(3);
  await world.end(0);
  expect(await step).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
