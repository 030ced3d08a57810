// The session check that `helm test` runs, against a relay that works and against what does not.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DIST } from '../../deploy/build/source-tree.ts';
import { type CollectedOutput, collectOutput } from '../support/machine/collected-output.ts';
import { startRelayProcess } from '../support/process/relay-process.ts';

/** Of this file alone: other test runs on this machine make checks, too. */
let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'converge-checks-'));
});
afterAll(async () => {
  await rm(temporary, { recursive: true });
});

test('a relay that works: a session is opened, its output compared, and nothing is left', async () => {
  await using relay = await startRelayProcess();
  const { code, stdout, stderr } = await check(relay.url.replace('http', 'ws'));
  expect(stderr).toBe('');
  expect(stdout).toMatch(
    /^session-check: a session through ws:\/\/localhost:\d+ in \d+\.\d s \(check-[0-9a-f]{32}\)\n$/,
  );
  expect(code).toBe(0);
  expect(await readdir(temporary)).toEqual([]);
});

test('a relay that will not have the agent: it says at which step it failed, and what the agent said', async () => {
  const body = JSON.stringify({ code: 'upgrade_required', message: 'this relay speaks another version' });
  const head = `HTTP/1.1 426 Upgrade Required\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end(`${head}\r\n\r\n${body}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    const port = typeof address === 'object' ? address?.port : undefined;
    const { code, stderr } = await check(`ws://127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^session-check: failed at the agent: the agent ended with 5\n/);
    expect(stderr).toContain('this relay speaks another version');
  } finally {
    server.close();
  }
});

test('not a relay’s URL: it says how it is used', async () => {
  for (const args of [[], ['http://localhost'], ['ws://localhost/agent'], ['ws://a', 'ws://b']]) {
    const { code, stderr } = await check(...args);
    expect(code).toBe(2);
    expect(stderr).toContain('usage: node session-check.js ws[s]://HOST[:PORT]');
  }
});

function check(...args: string[]): Promise<CollectedOutput> {
  const env = { ...process.env, TMPDIR: temporary };
  return collectOutput(spawn(process.execPath, [join(DIST, 'relay/session-check.js'), ...args], { env }));
}
