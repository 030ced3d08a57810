// The agent and the proxy variables: on its way to the relay and to authorized keys, and when a value is of no use.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { loadAuthorizedKeys } from '../../../services/agent/access/authorized-keys-source.ts';
import { fetchThroughProxies } from '../../../services/agent/access/proxied-fetch.ts';
import { type ConnectProxy, startConnectProxy } from '../../support/network/connect-proxy.ts';
import { cleanEnvironment, outputOf, startClientProgram } from '../../support/process/client-program.ts';
import { type E2eProcess, startProcess } from '../../support/process/started-process.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';

const AGENT = fileURLToPath(new URL('../../../services/agent/main.ts', import.meta.url));
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7cUJGGIrA8ysG9GNl9mgLMnZH0BSxBSrGR8KnkyYbo me@laptop\n';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
});

function agent(args: readonly string[], env: Record<string, string>): E2eProcess {
  const command = [process.execPath, AGENT, ...args] as const;
  const started = startProcess('agent', command, { cwd: tmpdir(), env: cleanEnvironment(env) });
  cleanups.push(() => started.kill('SIGKILL'));
  return started;
}

async function proxy(): Promise<ConnectProxy> {
  const started = await startConnectProxy();
  cleanups.push(() => started.close());
  return started;
}

/** Answers `/me.keys`, and with a redirect to it on another name. */
async function keyServer(): Promise<number> {
  const server: Server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    if (request.url === '/me.keys') response.end(KEY);
    else response.writeHead(302, { location: `http://moved.test:${port}/me.keys` }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('the agent takes a proxy without a scheme, to the relay and to the keys', async () => {
  const [relay, through, keysPort] = [new MoodyRelay(), await proxy(), await keyServer()];
  const { port } = new URL(await relay.start());
  cleanups.push(() => relay.stop());
  const keys = `http://keys.test:${keysPort}/me.keys`;
  const started = agent(
    ['--allow-insecure-keys-url', '--authorized-keys', keys, `ws://relay.test:${port}/agent/job`],
    {
      HTTP_PROXY: `127.0.0.1:${through.port}`,
    },
  );
  await started.see(/wsproxy ssh /);
  expect(through.tunnels).toEqual([`keys.test:${keysPort}`, `relay.test:${port}`]);
  expect(started.stderr).toBe('');
  started.kill('SIGTERM');
  expect(await started.exited).toEqual({ code: 0, signal: null });
});

describe('authorized keys', () => {
  test('are fetched as curl would fetch them, redirects too', async () => {
    const [through, port] = [await proxy(), await keyServer()];
    const load = async (host: string, env: Record<string, string>, path = '/me.keys') => {
      const url = `http://${host}:${port}${path}`;
      const loaded = await loadAuthorizedKeys([url], { fetch: fetchThroughProxies(env), allowsHttp: true });
      const tunnels = through.tunnels.splice(0).map((target) => target.replace(`:${port}`, ''));
      return loaded.kind === 'loaded' ? [loaded.sources[0]?.text === KEY, ...tunnels] : loaded.faults;
    };
    const at = `127.0.0.1:${through.port}`;
    expect(await load('127.0.0.1', {})).toEqual([true]);
    expect(await load('keys.test', { HTTP_PROXY: at })).toEqual([true, 'keys.test']);
    expect(await load('keys.test', { ALL_PROXY: at })).toEqual([true, 'keys.test']);
    expect(await load('127.0.0.1', { HTTP_PROXY: at, NO_PROXY: '127.0.0.0/8' })).toEqual([true]);
    expect(await load('keys.test', { HTTP_PROXY: at }, '/old')).toEqual([true, 'keys.test', 'moved.test']);
    expect(await load('127.0.0.1', { HTTP_PROXY: at, NO_PROXY: '127.0.0.1' }, '/old')).toEqual([
      true,
      'moved.test',
    ]);
    expect(await load('127.0.0.1', { HTTPS_PROXY: 'socks5://x' })).toEqual([true]);
    expect(await load('keys.test', { HTTP_PROXY: 'me:hunter2@proxy:none' })).toEqual([
      `authorized keys http://keys.test:${port}/me.keys: HTTP_PROXY does not name a proxy; expected http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT`,
    ]);
  });
});

describe.each(['agent', 'wsproxy', 'tcptows'] as const)('%s', (name) => {
  test.each([
    ['HTTP_PROXY', 'me:hunter2@proxy:none', /HTTP_PROXY does not name a proxy; expected http:\/\/HOST:PORT/],
    ['http_proxy', 'http://', /http_proxy does not name a proxy; /],
    ['ALL_PROXY', 'socks5h://me:hunter2@proxy:1080', /ALL_PROXY names socks5h:\/\/proxy:1080: only http:/],
    ['all_proxy', 'ftp://proxy', /all_proxy names ftp:\/\/proxy: only http:/],
  ])('ends with 2 and one line that names %s when it is %j', async (variable, value, words) => {
    const env = { [variable]: value };
    const { code, errors } = await run(name, env);
    expect(errors).toMatch(new RegExp(`^${name}: ${words.source}[^\\n]*\\n$`));
    expect(errors).not.toContain('hunter2');
    expect(code).toBe(2);
  });
});

async function run(
  name: 'agent' | 'wsproxy' | 'tcptows',
  env: Record<string, string>,
): Promise<{ readonly code: unknown; readonly errors: string }> {
  if (name === 'agent') {
    const started = agent(['ws://relay.test/agent/job'], env);
    const { code } = await started.exited;
    return { code, errors: started.stderr };
  }
  const url = 'ws://relay.test/client/job';
  return await outputOf(startClientProgram(name, name === 'wsproxy' ? [url] : ['0', url], env));
}
