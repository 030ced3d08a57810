// A relay whose log nobody reads: it serves, drops and counts lines, and ends on SIGTERM as any other.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../support/e2e-network.ts';
import { sumOf } from '../support/exposition.ts';
import { until } from '../support/poll.ts';

const DROPPED = 'converge_log_lines_dropped_total';
/** Each is a line of some 600 bytes in the log: together more than the backlog and a pipe hold. */
const REQUESTS = 4_000;
const LONG_PATH = `/${'x'.repeat(190)}`;

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

  const socket = connect(port, '127.0.0.1');
  const request = `GET ${LONG_PATH} HTTP/1.1\r\nHost: relay\r\n\r\n`;
  socket.write(request.repeat(REQUESTS));
  let answers = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answers += text;
  });
  await until('all are answered', () => answers.split('HTTP/1.1 404').length > REQUESTS, 60_000);
  expect(sumOf(await metrics(), DROPPED)).toBeGreaterThan(0);
  socket.destroy();

  const exited = once(relay, 'exit');
  relay.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
