// Somebody on the same network as a relay that was started by hand; they want the IDs of the jobs that it holds.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { networkAddress } from '../support/network/network-address.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { type RunningRelay, startRelay } from '../support/relay/relay.ts';

const ID = 'release-4711';

const NETWORK = networkAddress();

/** Where there is no network, an address of loopback that only who listens on all of them has. */
const ADDRESS = NETWORK ?? '127.0.0.2';

/** How curl's exit code says that nobody listens there. */
const CONNECTION_REFUSED = 7;

interface Answer {
  readonly exit: number;
  readonly status: number;
  readonly body: string;
}

interface Asked {
  readonly address?: string;
  /** The address that they ask from, if it matters. */
  readonly from?: readonly string[];
  readonly headers?: readonly string[];
}

let relay: RunningRelay;
let agent: EchoAgent;

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  relay = await startRelay({ env: { HOST: '0.0.0.0', ...env } });
  agent = new EchoAgent({ linkPort: relay.port, id: ID });
  await agent.linked();
}

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
});

/** What curl gets at `path` of the internal listener. */
async function ask(path: string, asked: Asked = {}): Promise<Answer> {
  const { address = '127.0.0.1', from = [], headers = [] } = asked;
  const url = `http://${address}:${relay.internalPort}${path}`;
  const options = [
    ...headers.flatMap((line) => ['-H', line]),
    ...from.flatMap((own) => ['--interface', own]),
  ];
  const args = ['-sS', '--max-time', '10', '-w', '\n%{http_code}', ...options, url];
  const { stdout, code = 0 } = (await promisify(execFile)('curl', args).catch(
    (error: { code: number; stdout: string }) => error,
  )) as { stdout: string; code?: number };
  const [, body = '', status = ''] = /^([\s\S]*)\n(\d*)$/.exec(stdout) ?? [];
  return { exit: code, status: Number(status), body };
}

describe('a relay on one machine', () => {
  beforeEach(() => start({}));

  test('has no internal listener for the network: the stranger cannot connect', async () => {
    for (const path of ['/sessions', '/metrics', '/healthz'])
      expect(await ask(path, { address: ADDRESS }), path).toMatchObject({
        exit: CONNECTION_REFUSED,
        body: '',
      });
  });

  test('serves it to the machine itself, and its public one to all', async () => {
    expect(await ask('/sessions')).toMatchObject({
      status: 200,
      body: expect.stringContaining(ID) as string,
    });
    expect(await ask('/healthz')).toMatchObject({ status: 200 });
    expect((await fetch(`http://${ADDRESS}:${relay.port}/`)).status).toBe(200);
  });
});

// Whatever comes to an address of loopback comes from this machine.
describe.skipIf(NETWORK === undefined)('a pod, whose internal listener others must reach', () => {
  beforeEach(() => start({ POD_ADDRESS: `${ADDRESS}:9090` }));

  test.each([
    ['asks', []],
    [
      'says that he comes from the machine itself',
      ['Host: localhost', 'X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1', 'X-Real-IP: 127.0.0.1'],
    ],
  ])('keeps the list from a stranger who %s, and says how to get it', async (_, headers) => {
    for (const path of ['/sessions', '/sessions?cluster=1']) {
      const answer = await ask(path, { address: ADDRESS, headers });
      expect(answer).toMatchObject({ exit: 0, status: 401 });
      expect(answer.body).not.toContain(ID);
      expect(JSON.parse(answer.body)).toMatchObject({
        code: 'unauthorized',
        message: expect.stringContaining('port-forward') as string,
      });
    }
  });

  test('keeps it from one who makes up the signature of a relay, and counts him', async () => {
    const headers = [`Converge-Peer: ${Date.now()}.${'A'.repeat(43)}`];
    for (const address of [ADDRESS, '127.0.0.1']) {
      const answer = await ask('/sessions', { address, headers });
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain(ID);
    }
    expect(await relay.metric('converge_peer_rejections_total{verdict="forged"}')).toBe(2);
  });

  test('gives probes and metrics to the network, which name no job', async () => {
    expect(await ask('/readyz', { address: ADDRESS })).toMatchObject({ status: 200 });
    const { status, body } = await ask('/metrics', { address: ADDRESS });
    expect(status).toBe(200);
    expect(body).toContain('converge_agents 1');
    expect(body).not.toContain(ID);
  });

  test('gives the list to the machine itself, as a port-forward comes', async () => {
    expect(await ask('/sessions')).toMatchObject({
      status: 200,
      body: expect.stringContaining(ID) as string,
    });
  });
});

describe('a sidecar that passes others on by an address of its own in 127/8', () => {
  beforeEach(() => start({}));

  test('gets no list for them, whatever they say', async () => {
    const answer = await ask('/sessions', { headers: ['Host: localhost'], from: ['127.0.0.6'] });
    expect(answer).toMatchObject({ exit: 0, status: 401 });
    expect(answer.body).not.toContain(ID);
  });
});

describe('a proxy or a browser on the machine itself, which speaks for somebody else,', () => {
  beforeEach(() => start({}));

  test.each([
    ['a name that a stranger had lead here (DNS rebinding)', 'Host: evil.example:9090'],
    ['a page of another site', 'Origin: https://evil.example'],
    ['a page without an origin', 'Origin: null'],
    ['a request that a page made without asking', 'Sec-Fetch-Site: cross-site'],
    ['a proxy that passes others on', 'X-Forwarded-For: 203.0.113.7'],
    ['a proxy that says how it was asked', 'X-Forwarded-Proto: https'],
    ['a proxy that keeps to the standard', 'Forwarded: for=203.0.113.7'],
  ])('does not get the list: %s', async (_, header) => {
    const answer = await ask('/sessions', { headers: [header] });
    expect(answer.status).toBe(403);
    expect(answer.body).not.toContain(ID);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'foreign_origin' });
  });

  test('is not taken for a person with a browser, who does', async () => {
    const headers = ['Host: localhost:9090', 'Sec-Fetch-Site: none'];
    expect(await ask('/sessions', { headers })).toMatchObject({ status: 200 });
  });
});
