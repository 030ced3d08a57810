// The proxy variables as curl reads them: a job's first command is curl, so where that arrives the agent has to as well.
import { execFile } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import { proxyFor } from '#shared/machine/proxy.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import { cleanEnvironment, outputOf, startClientProgram } from '../../support/process/client-program.ts';
import { say, startStandInRelay } from '../../support/relay/stand-in-relay.ts';

type Variables = Readonly<Record<string, string>>;

/** No server has this name (RFC 6761): who does not leave the look-up to a proxy gets nowhere. */
const RELAY = 'relay.test';

beforeAll(async () => {
  await ensureCommands(['curl']);
});

async function saidByCurl(args: readonly string[], env: Variables): Promise<string> {
  return await new Promise((resolve) => {
    const options = ['--verbose', '--silent', '--max-time', '5', ...args];
    execFile('curl', options, { env: cleanEnvironment(env) }, (_error, _stdout, stderr) => resolve(stderr));
  });
}

/** `HOST:PORT` of the proxy, `direct` or `refused`. Nothing listens anywhere: curl says where it tries. */
async function choiceOfCurl(scheme: 'http' | 'https', host: string, env: Variables): Promise<string> {
  const said = await saidByCurl([`${scheme}://${host}/`], env);
  if (/Unsupported proxy (syntax|scheme)/.test(said)) return 'refused';
  const [, tried] = /^\* {3}Trying (\S+)\.\.\.$/m.exec(said) ?? [];
  return tried === undefined || tried.startsWith(`${host}:`) ? 'direct' : tried;
}

function ourChoice(scheme: 'http' | 'https', host: string, env: Variables): string {
  const choice = proxyFor(new URL(`${scheme.replace('http', 'ws')}://${host}/client/x`), env);
  if (choice.kind === 'invalid') return 'refused';
  if (choice.kind === 'direct') return 'direct';
  const { protocol, hostname, port } = choice.url;
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}

const PROXY = { http_proxy: '127.0.0.1:9' };
const OTHER = '127.0.0.1:7';

type Case = readonly [env: Variables, expected: string, scheme?: 'http' | 'https', host?: string];

const CASES: readonly Case[] = [
  [PROXY, '127.0.0.1:9'],
  [{ http_proxy: '127.0.0.1' }, '127.0.0.1:1080'],
  [{ http_proxy: 'http://127.0.0.1' }, '127.0.0.1:1080'],
  [{ http_proxy: 'http://127.0.0.1/' }, '127.0.0.1:1080'],
  [{ http_proxy: 'http://127.0.0.1:80' }, '127.0.0.1:80'],
  [{ http_proxy: '127.0.0.1:80' }, '127.0.0.1:80'],
  [{ http_proxy: 'me:80@127.0.0.1' }, '127.0.0.1:1080'],
  [{ http_proxy: 'https://127.0.0.1' }, '127.0.0.1:443'],
  [{ http_proxy: 'https://127.0.0.1:9' }, '127.0.0.1:9'],
  [{ http_proxy: 'HTTP://127.0.0.1:9' }, '127.0.0.1:9'],
  [{ http_proxy: '127.0.0.1:9/' }, '127.0.0.1:9'],
  [{ http_proxy: 'http://127.0.0.1:9/path' }, '127.0.0.1:9'],
  [{ http_proxy: '[::1]:9' }, '[::1]:9'],
  [{ http_proxy: 'http://[::1]:9' }, '[::1]:9'],
  [{ http_proxy: '[::1]' }, '[::1]:1080'],
  [{ http_proxy: 'me@127.0.0.1:9' }, '127.0.0.1:9'],
  [{ http_proxy: 'me:secret@127.0.0.1:9' }, '127.0.0.1:9'],
  [{ http_proxy: 'http://me:p%40ss@[::1]:9' }, '[::1]:9'],
  [{ http_proxy: '127.0.0.1:none' }, 'refused'],
  [{ http_proxy: '127.0.0.1:65536' }, 'refused'],
  [{ http_proxy: '::1' }, 'refused'],
  [{ http_proxy: ':9' }, 'refused'],
  [{ http_proxy: 'http://' }, 'refused'],
  [{ http_proxy: 'http:127.0.0.1:9' }, 'refused'],
  [{ http_proxy: 'me:p/w@127.0.0.1:9' }, 'refused'],
  [{ http_proxy: 'ftp://127.0.0.1:9' }, 'refused'],
  // Which variable
  [{ https_proxy: '127.0.0.1:9' }, 'direct'],
  [{ ...PROXY, https_proxy: OTHER }, '127.0.0.1:7', 'https'],
  [{ HTTPS_PROXY: '127.0.0.1:9' }, '127.0.0.1:9', 'https'],
  [{ https_proxy: '127.0.0.1:9', HTTPS_PROXY: OTHER }, '127.0.0.1:9', 'https'],
  [{ https_proxy: '', HTTPS_PROXY: OTHER }, '127.0.0.1:7', 'https'],
  [PROXY, 'direct', 'https'],
  [{ all_proxy: '127.0.0.1:9' }, '127.0.0.1:9'],
  [{ ALL_PROXY: '127.0.0.1:9' }, '127.0.0.1:9', 'https'],
  [{ all_proxy: '127.0.0.1:9', ALL_PROXY: OTHER }, '127.0.0.1:9'],
  [{ ...PROXY, all_proxy: OTHER }, '127.0.0.1:9'],
  [{ http_proxy: '', all_proxy: OTHER }, '127.0.0.1:7'],
  // What is exempt
  [{ ...PROXY, no_proxy: '*' }, 'direct'],
  [{ ...PROXY, no_proxy: RELAY }, 'direct'],
  [{ ...PROXY, no_proxy: 'RELAY.Test' }, 'direct'],
  [{ ...PROXY, no_proxy: `${RELAY}.` }, 'direct'],
  [{ ...PROXY, no_proxy: `.${RELAY}` }, 'direct'],
  [{ ...PROXY, no_proxy: 'test' }, 'direct'],
  [{ ...PROXY, no_proxy: '.test' }, 'direct'],
  [{ ...PROXY, no_proxy: `a.example, ${RELAY}` }, 'direct'],
  [{ ...PROXY, no_proxy: `a.example ${RELAY}` }, 'direct'],
  [{ ...PROXY, no_proxy: `a.example,,${RELAY},` }, 'direct'],
  [{ ...PROXY, NO_PROXY: RELAY }, 'direct'],
  [{ ...PROXY, no_proxy: 'a.example', NO_PROXY: RELAY }, '127.0.0.1:9'],
  [{ ...PROXY, no_proxy: '', NO_PROXY: RELAY }, 'direct'],
  [{ ...PROXY, no_proxy: 'elay.test' }, '127.0.0.1:9'],
  [{ ...PROXY, no_proxy: `x.${RELAY}` }, '127.0.0.1:9'],
  [{ ...PROXY, no_proxy: '10.1.2.3' }, 'direct', 'http', '10.1.2.3'],
  [{ ...PROXY, no_proxy: '10.0.0.0/8' }, 'direct', 'http', '10.1.2.3'],
  [{ ...PROXY, no_proxy: '10.1.2.4/31' }, '127.0.0.1:9', 'http', '10.1.2.3'],
  [{ ...PROXY, no_proxy: '10.1.2.' }, '127.0.0.1:9', 'http', '10.1.2.3'],
];

test.each(CASES.map((each) => ({ each })))('$each.0 leads to $each.1', async ({ each }) => {
  const [env, expected, scheme = 'http', host = RELAY] = each;
  expect(ourChoice(scheme, host, env)).toBe(expected);
  expect(await choiceOfCurl(scheme, host, env)).toBe(expected);
});

test.each([
  ['me:p%40ss', 'me:p@ss'],
  ['me:50%off', 'me:50%off'],
  ['m%:100%%41', 'm%:100%A'],
])(
  '%s for the proxy is sent as curl sends it, from a variable without a scheme',
  async (text, credentials) => {
    const proxy = await startConnectProxy({ credentials });
    const relay = await startStandInRelay({ serve: say(Buffer.from('greetings')) });
    const env = { http_proxy: `${text}@127.0.0.1:${proxy.port}` };
    const target = `${RELAY}:${relay.port}`;
    try {
      await saidByCurl(['--proxytunnel', `http://${target}/`], env);
      expect(proxy.tunnels).toEqual([target]);
      const program = startClientProgram('wsproxy', ['--wait', '0', relay.url(RELAY)], env);
      expect((await outputOf(program)).output.toString()).toBe('greetings');
      expect(proxy.tunnels).toEqual([target, target]);
    } finally {
      await proxy.close();
      await relay.close();
    }
  },
);

test('HTTP_PROXY is read too, which curl leaves to lower case for the sake of CGI programs', async () => {
  const env = { HTTP_PROXY: PROXY.http_proxy };
  expect(ourChoice('http', RELAY, env)).toBe(PROXY.http_proxy);
  expect(await choiceOfCurl('http', RELAY, env)).toBe('direct');
});
