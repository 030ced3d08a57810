// Through proxies and with private authorities: what a company's network asks of wsproxy.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type ConnectProxy,
  type ConnectProxyOptions,
  startConnectProxy,
} from '../../support/network/connect-proxy.ts';
import { freePort } from '../../support/network/ports.ts';
import { makePrivateAuthority, type PrivateAuthority } from '../../support/network/private-authority.ts';
import { outputOf, startClientProgram } from '../../support/process/client-program.ts';
import { type StandInOptions, type StandInRelay, say } from '../../support/relay/stand-in-relay.ts';
import { openStandIn } from '../../support/relay/test-stand-in.ts';

let folder: string;
let authority: PrivateAuthority;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-proxy-'));
  authority = await makePrivateAuthority(folder, 'DNS:relay.test,IP:127.0.0.1');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A relay that greets and hangs up. */
async function greeter(tls?: StandInOptions['tls']): Promise<StandInRelay> {
  return openStandIn({ ...(tls === undefined ? {} : { tls }), serve: say(Buffer.from('greetings')) });
}

async function proxyWith(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options);
  onTestFinished(() => proxy.close());
  return proxy;
}

async function wsproxy(url: string, env: Record<string, string>): Promise<string> {
  const { output, errors, code } = await outputOf(startClientProgram('wsproxy', ['--wait', '0', url], env));
  expect(errors).toMatch(/^(wsproxy: [^\n]+\n)?$/);
  return `${code} ${output.toString()}${errors.replace(/^wsproxy: |\n$/g, '')}`;
}

const GREETED = '0 greetings';

describe('a proxy', () => {
  test('carries ws:// in a tunnel, and looks the name up itself', async () => {
    const [relay, proxy] = await Promise.all([greeter(), proxyWith()]);
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
    expect(await wsproxy(relay.url('relay.test'), env)).toBe(GREETED);
    expect(proxy.tunnels).toEqual([`relay.test:${relay.port}`]);
    expect(proxy.others).toEqual([]);
  });

  test('carries wss:// in a tunnel, also when it is named without a scheme', async () => {
    const [relay, proxy] = await Promise.all([greeter(authority), proxyWith()]);
    const env = { https_proxy: `127.0.0.1:${proxy.port}`, NODE_EXTRA_CA_CERTS: authority.caFile };
    expect(await wsproxy(relay.url('relay.test'), env)).toBe(GREETED);
    expect(proxy.tunnels).toEqual([`relay.test:${relay.port}`]);
  });

  test('is taken from ALL_PROXY, and left out where NO_PROXY says so', async () => {
    const [relay, proxy] = await Promise.all([greeter(), proxyWith()]);
    const env = { ALL_PROXY: `http://127.0.0.1:${proxy.port}` };
    expect(await wsproxy(relay.url(), env)).toBe(GREETED);
    expect(await wsproxy(relay.url(), { ...env, NO_PROXY: '127.0.0.1' })).toBe(GREETED);
    expect(await wsproxy(relay.url(), { ...env, no_proxy: '127.0.0.0/8' })).toBe(GREETED);
    expect(proxy.tunnels).toHaveLength(1);
    expect(relay.asked).toHaveLength(3);
  });

  test('gets the user name and password from its URL, and says when they are missing or wrong', async () => {
    const [relay, proxy] = await Promise.all([greeter(), proxyWith({ credentials: 'me:p@ss' })]);
    const at = (user: string) => ({ HTTP_PROXY: `http://${user}127.0.0.1:${proxy.port}` });
    expect(await wsproxy(relay.url('relay.test'), at('me:p%40ss@'))).toBe(GREETED);
    expect(await wsproxy(relay.url('relay.test'), at(''))).toBe(
      `3 proxy 127.0.0.1:${proxy.port} wants a user name and password (407): HTTP_PROXY=http://USER:PASSWORD@HOST:PORT`,
    );
    expect(await wsproxy(relay.url('relay.test'), at('me:wrong@'))).toBe(
      `3 proxy 127.0.0.1:${proxy.port} does not accept the user name and password in HTTP_PROXY (407)`,
    );
    expect(relay.asked).toHaveLength(1);
  });

  test('is named when it does not let the connection through', async () => {
    const proxy = await proxyWith({ refuseWith: 403 });
    const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
    expect(await wsproxy('ws://relay.test/client/job-1', env)).toBe(
      `4 proxy 127.0.0.1:${proxy.port}, or relay.test behind it, answered 403, but not as a relay: it does not let this connection pass`,
    );
  });

  test('is named when it is not there', async () => {
    const port = await freePort();
    const env = { HTTP_PROXY: `http://127.0.0.1:${port}` };
    expect(await wsproxy('ws://relay.test/client/job-1', env)).toBe(
      `3 proxy 127.0.0.1:${port}: connection refused`,
    );
  });
});

describe('a private authority', () => {
  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('is known by %s', async (variable) => {
    const relay = await greeter(authority);
    expect(await wsproxy(relay.url(), { [variable]: authority.caFile })).toBe(GREETED);
  });

  test('is known by SSL_CERT_FILE through a proxy too', async () => {
    const [relay, proxy] = await Promise.all([greeter(authority), proxyWith()]);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, SSL_CERT_FILE: authority.caFile };
    expect(await wsproxy(relay.url('relay.test'), env)).toBe(GREETED);
  });

  test('that is not known is an error that says what to set', async () => {
    const relay = await greeter(authority);
    expect(await wsproxy(relay.url(), {})).toBe(
      `3 relay 127.0.0.1:${relay.port}: its certificate is not by an authority that this machine knows; if it is your own, name its file in NODE_EXTRA_CA_CERTS`,
    );
    expect(relay.asked).toEqual([]);
  });

  test('does not make a certificate for another host a good one', async () => {
    const relay = await greeter(authority);
    const answer = await wsproxy(relay.url('localhost'), { NODE_EXTRA_CA_CERTS: authority.caFile });
    expect(answer).toMatch(/^3 relay localhost:\d+: its certificate is for another host \(/);
  });

  test('is not asked for by a server that speaks no TLS', async () => {
    const relay = await greeter();
    const answer = await wsproxy(relay.url().replace('ws:', 'wss:'), {});
    expect(answer).toMatch(/^3 relay 127\.0\.0\.1:\d+: it does not speak TLS on this port; use ws:/);
  });
});
