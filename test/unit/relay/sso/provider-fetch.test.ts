// The way to a provider: by TLS through the proxies of the environment, and by http to this machine alone.
import { expect, test } from 'vitest';
import { ProviderAway, providerFetch } from '../../../../services/relay/sso/provider-fetch.ts';
import { startConnectProxy } from '../../../support/network/connect-proxy.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const GET = { method: 'GET', headers: {}, body: null, redirect: 'manual' } as const;

test('a provider on the internet is asked through the proxy of the environment, by TLS', async () => {
  const proxy = await startConnectProxy();
  const clock = new ManualClock();
  try {
    const ask = providerFetch({ clock, proxies: { https_proxy: `http://127.0.0.1:${proxy.port}` } }, false);
    // Nothing speaks TLS behind it.
    await expect(ask(`https://login.test:${proxy.port}/`, GET)).rejects.toThrow('login.test');
    expect([proxy.tunnels, proxy.others]).toEqual([[`login.test:${proxy.port}`], []]);
    expect(clock.pending).toBe(0);
  } finally {
    await proxy.close();
  }
});

test.each([
  ['http://192.0.2.1/', true],
  ['http://localhost.test/', true],
  ['http://127.0.0.1/', false],
  ['ftp://127.0.0.1/', true],
  ['file:///etc/passwd', true],
])('%s is not asked, whether http is allowed on this machine or not: %s', async (url, allowsHttp) => {
  const ask = providerFetch({ clock: new ManualClock(), proxies: {} }, allowsHttp);
  await expect(ask(url, GET)).rejects.toThrow(ProviderAway);
  await expect(ask(url, GET)).rejects.toThrow('which is not https');
});
