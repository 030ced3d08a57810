// The attacker reaches the public listener of a relay and wants to drive the terminal of whoever looks at its log, or to make a
// line read from right to left: JSON escapes C0, and leaves C1, marks of direction and of no width as they are.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../support/network/ports.ts';
import { forbiddenIn } from '../support/text/hostile-text.ts';
import { until } from '../support/time/poll.ts';

const WORDS = 'job\u009b2J\u202egnp.exe\u200b\u2028\u007f\u{e0041}';
const UPGRADE = 'Host: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';

test('no line of the log of a relay has them, and each means what was asked', async () => {
  const port = await freePort();
  const relay = spawn(process.execPath, ['services/relay/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port), INTERNAL_PORT: '0', LOG_LEVEL: 'trace' },
  });
  const ended = once(relay, 'close');
  try {
    let log = '';
    relay.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    await until('the relay listens', () => log.includes(`"port":${port}`), 60_000);
    for (const path of [`/client/${encodeURIComponent(WORDS)}`, `/agent/${encodeURIComponent(WORDS)}`]) {
      const socket = connect(port, '127.0.0.1');
      const closed = once(socket.resume(), 'close');
      socket.end(`GET ${path} HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`);
      await closed;
    }
    await until('both are in the log', () => (log.match(/invalid_id/g) ?? []).length >= 2);
    expect(forbiddenIn(log)).toEqual([]);
    const lines = log.trim().split('\n');
    const ids = lines.map((line) => (JSON.parse(line) as { id?: string }).id);
    expect(ids).toContain(WORDS);
  } finally {
    relay.kill('SIGKILL');
    await ended;
  }
});
