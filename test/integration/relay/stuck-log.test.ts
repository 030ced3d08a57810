// A relay whose log nobody reads: it serves, drops and counts lines, and ends on SIGTERM as any other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../support/network/ports.ts';
import { sumOf } from '../../support/relay/exposition.ts';
import { openRawLink } from '../../support/relay/raw-link.ts';
import { until } from '../../support/time/poll.ts';

const DROPPED = 'converge_log_lines_dropped_total';
/** Each is two lines in the log, of some 600 bytes: together more than the backlog and a pipe hold. */
const LINKS = 2_500;
const LINKS_AT_ONCE = 50;
const LONG_ID = 'x'.repeat(120);

const relays: ReturnType<typeof spawn>[] = [];

afterEach(() => {
  for (const relay of relays) relay.kill('SIGKILL');
});

test('goes on without its log, and without it to the end', async () => {
  const [port, internalPort] = [await freePort(), await freePort()];
  const env = {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: String(port),
    INTERNAL_PORT: String(internalPort),
    DRAIN_DELAY_SECONDS: '0',
  };
  // Nobody reads this pipe.
  const relay = spawn(process.execPath, ['services/relay/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  relays.push(relay);
  const metrics = (): Promise<string> =>
    fetch(`http://127.0.0.1:${internalPort}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    );
  await until('the relay answers', async () => (await metrics()) !== '', 60_000);

  for (let made = 0; made < LINKS; made += LINKS_AT_ONCE) {
    const batch = Array.from({ length: LINKS_AT_ONCE }, (_, index) =>
      openRawLink(port, `${LONG_ID}-${made + index}`),
    );
    for (const link of await Promise.all(batch)) link[Symbol.dispose]();
  }
  await until('all are gone', async () => sumOf(await metrics(), 'converge_agents') === 0);
  expect(sumOf(await metrics(), DROPPED)).toBeGreaterThan(0);

  const exited = once(relay, 'exit');
  relay.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
