// A relay behind a TCP balancer: whoever is behind it is known by their own address, in the log, to the agent and in the shell.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { BALANCER_ADDRESS, type ProxyForm, startHaproxy } from '../../support/network/haproxy.ts';
import { makePrivateAuthority } from '../../support/network/private-authority.ts';
import { cleanEnvironment, commandOf } from '../../support/process/client-program.ts';
import { startProcess } from '../../support/process/started-process.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import type { RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';
import { until } from '../../support/time/poll.ts';

const run = promisify(execFile);
const AGENT = fileURLToPath(new URL('../../../services/agent/main.ts', import.meta.url));
const SPEAKING = ['v1', 'v2', 'v2-full'] as const satisfies readonly ProxyForm[];

let folder: string;

beforeAll(async () => {
  await ensureCommands(['curl', 'haproxy', 'openssl', 'ssh', 'ssh-keygen']);
  folder = await mkdtemp(join(tmpdir(), 'proxy-protocol-'));
  return () => rm(folder, { recursive: true });
});

async function start(env: Readonly<Record<string, string>> = {}, checks = false) {
  const running = await openRelay({ env: { PROXY_PROTOCOL_FROM: BALANCER_ADDRESS, ...env } });
  const balancer = await startHaproxy(running.port, checks);
  onTestFinished(() => balancer[Symbol.asyncDispose]());
  return { running, balancer };
}

/** What curl prints; also if it fails. */
async function curl(url: string, ...options: readonly string[]): Promise<string> {
  const args = ['-s', '--noproxy', '*', ...options, url];
  const { stdout } = await run('curl', args).catch(() => ({ stdout: '' }));
  return stdout;
}

/** The headers of a WebSocket handshake, as curl takes them. */
const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** Asks for something that is refused, with curl, and gives the address that the refusal is logged with. */
async function addressSeen({ log }: RunningRelay, url: string, ...options: string[]): Promise<unknown> {
  const before = log.length;
  await curl(`${url}/client/-bad`, ...options);
  return log.slice(before).find(({ msg }) => msg === 'request refused')?.['address'];
}

describe.each(SPEAKING)('haproxy with %s', (form) => {
  test('whoever asks is known by his own address, over IPv4 and IPv6', async () => {
    const { running, balancer } = await start();
    const port = balancer.ports[form];
    expect(await addressSeen(running, `http://127.0.0.1:${port}`)).toBe('127.0.0.1');
    expect(await addressSeen(running, `http://[::1]:${port}`)).toBe('::1');
    // A request on a connection that was used before is from the same.
    const urls = [`http://[::1]:${port}/client/-bad`, `http://[::1]:${port}/agent/-bad`];
    await run('curl', ['-s', '--noproxy', '*', ...urls]);
    expect(running.log.slice(-2).map((line) => line['address'])).toEqual(['::1', '::1']);
  });

  test('the same behind TLS of the relay itself', async () => {
    const { caFile, key, cert } = await makePrivateAuthority(folder, 'IP:127.0.0.1,IP:::1');
    const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key);
    const { running, balancer } = await start({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    const port = balancer.ports[form];
    expect(await addressSeen(running, `https://127.0.0.1:${port}`, '--cacert', caFile)).toBe('127.0.0.1');
    expect(await addressSeen(running, `https://[::1]:${port}`, '--cacert', caFile)).toBe('::1');
  });

  test('what is behind the header is not lost, however much it is', async () => {
    const { running, balancer } = await start();
    const body = 'x'.repeat(300_000);
    const path = join(folder, 'body');
    await writeFile(path, body);
    const headers = ['-H', 'Content-Type: text/plain', '-H', 'Expect:'];
    const url = `http://127.0.0.1:${balancer.ports[form]}/nowhere`;
    expect(await curl(url, ...headers, '--data-binary', `@${path}`)).toContain('not_found');
    expect(await running.metric('converge_malformed_requests_total')).toBe(0);
  });
});

test('the balancer itself may look whether the relay is there', async () => {
  const { running, balancer } = await start({}, true);
  // It sends nobody to a server that its checks do not find.
  for (const form of SPEAKING) {
    await until(
      'it is up',
      async () => (await addressSeen(running, `http://[::1]:${balancer.ports[form]}`)) === '::1',
    );
  }
  expect(await running.metric('converge_malformed_requests_total')).toBe(0);
});

test('a balancer that says nothing is cut and counted; whoever is none is served as he comes', async () => {
  const { running, balancer } = await start();
  await expect(
    run('curl', ['-s', '--noproxy', '*', `http://127.0.0.1:${balancer.ports.none}/`]),
  ).rejects.toThrow();
  const counted = 'converge_malformed_requests_total{reason="proxy_header"}';
  expect(await running.metric(counted)).toBe(1);
  expect(running.log.at(-1)).toMatchObject({ address: BALANCER_ADDRESS, reason: 'proxy_header' });
  expect(await addressSeen(running, `http://127.0.0.1:${running.port}`)).toBe('127.0.0.1');
});

test('the agent is told the address behind the balancer, and a proxy there is believed as any other', async () => {
  const { running, balancer } = await start({ TRUST_PROXY: '::1' });
  using agent = await openAgent(running.port, 'job');
  const ask = async (host: string, ...headers: string[]) => {
    const all = [...HANDSHAKE, ...headers].flatMap((header) => ['-H', header]);
    const url = `http://${host}:${balancer.ports.v2}/client/job`;
    const leaving = new AbortController();
    const asking = run('curl', ['-s', '--noproxy', '*', ...all, url], { signal: leaving.signal });
    const gone = asking.catch(() => undefined);
    const { client } = await agent.dial(asked++);
    leaving.abort();
    await gone;
    return client;
  };
  let asked = 0;
  expect(await ask('[::1]')).toBe('::1');
  expect(await ask('[::1]', 'X-Forwarded-For: 198.51.100.7')).toBe('198.51.100.7');
  expect(await ask('127.0.0.1', 'X-Forwarded-For: 198.51.100.7')).toBe('127.0.0.1');
});

test('a shell knows the address behind the balancer, through ssh and all', async () => {
  const { running, balancer } = await start();
  const key = join(folder, 'key');
  await makeKeyFile(key);
  const options = { cwd: folder, env: { ...cleanEnvironment(), SHELL: '/bin/sh' } };
  const relay = `ws://127.0.0.1:${running.port}`;
  const agent = startProcess(
    'agent',
    [process.execPath, AGENT, '--authorized-keys', `${key}.pub`, `${relay}/agent/job`],
    options,
  );
  onTestFinished(async () => {
    agent.kill('SIGKILL');
    await agent.exited;
  });
  await agent.see(/wsproxy ssh /);
  const settings = [
    `ProxyCommand=${commandOf('wsproxy')} ws://[::1]:${balancer.ports.v2}/client/job`,
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
    'IdentitiesOnly=yes',
  ].flatMap((setting) => ['-o', setting]);
  const { stdout } = await run(
    'ssh',
    ['-F', 'none', ...settings, '-i', key, 'abc@job', 'echo $SSH_CLIENT'],
    options,
  );
  expect(stdout.split(' ')[0]).toBe('::1');
  await until('it is in the job log', () => agent.stdout.includes('connection from ::1'));
  const ended = await until('the end', () => running.log.find(({ msg }) => msg === 'session ended'));
  expect(ended).toMatchObject({ client: '::1' });
});
