// The command lines of wsproxy and tcptows, and the proxy variables.
import { describe, expect, test } from 'vitest';
import { proxyFor } from '#shared/machine/proxy.ts';
import {
  listenFaultLine,
  listeningLine,
  parseTcptowsCommand,
} from '../../../../services/clients/tcptows/cli.ts';
import { parseWsproxyCommand } from '../../../../services/clients/wsproxy/cli.ts';

const URL_TEXT = 'ws://relay.example/client/x';

describe('wsproxy', () => {
  test('takes a URL and waits 30 s for the agent, 20 s for the relay', () => {
    expect(parseWsproxyCommand([URL_TEXT], {})).toMatchObject({
      kind: 'run',
      destination: { target: { id: 'x' }, proxy: undefined, waitMs: 30_000, relayPatienceMs: 20_000 },
    });
  });

  test.each([
    [['--wait', '5m', URL_TEXT], 300_000],
    [['--wait=1h', URL_TEXT], 3_600_000],
    [[URL_TEXT, '--wait', '0'], 0],
  ])('takes %j, for the relay too', (args, waitMs) => {
    expect(parseWsproxyCommand(args, {})).toMatchObject({ destination: { waitMs, relayPatienceMs: waitMs } });
  });

  test.each([
    [[], /URL is missing/],
    [[URL_TEXT, URL_TEXT], /is too much/],
    [['--wiat', '5m', URL_TEXT], /no option --wiat; --help/],
    [['-v', URL_TEXT], /no option -v/],
    [['--wait', 'soon', URL_TEXT], /--wait: "soon" is not a duration: write it like 90s/],
    [['--wait', '-5s', URL_TEXT], /--wait: "-5s" is not a duration/],
    [['--wait', '8d', URL_TEXT], /--wait: "8d" is too long: at most 7d/],
    [['--wait='], /--wait needs a value/],
    [[URL_TEXT, '--wait'], /--wait needs a value/],
    [['--wait', '1s', '--wait', '2s', URL_TEXT], /--wait is given twice/],
    [['--help=yes'], /--help takes no value/],
    [['nonsense'], /"nonsense" is not a URL/],
  ])('refuses %j in one line', (args, message) => {
    const command = parseWsproxyCommand(args, {});
    expect(command).toMatchObject({ kind: 'invalid', message: expect.stringMatching(message) });
    expect(command).toMatchObject({ message: expect.not.stringContaining('\n') });
  });

  test('prints help and version without a URL', () => {
    expect(parseWsproxyCommand(['--help'], {})).toMatchObject({
      kind: 'text',
      text: expect.stringMatching(/exit codes/),
    });
    expect(parseWsproxyCommand(['--version'], {})).toMatchObject({
      text: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test('takes who this is from its options and the environment, and looks at none of it', () => {
    const args = ['--identity', '/nowhere', '--token-file', '/no/token', URL_TEXT];
    const env = { CONVERGE_TOKEN: 't', SSH_AUTH_SOCK: '/agent', HOME: '/home/ada' };
    const stateFolder = '/home/ada/.local/state/converge';
    const identity = {
      keyFile: '/nowhere',
      tokenFile: '/no/token',
      token: 't',
      sshAgent: '/agent',
      stateFolder,
    };
    expect(parseWsproxyCommand(args, env)).toMatchObject({ kind: 'run', identity });
    expect(parseTcptowsCommand([...args.slice(0, 4), '0', URL_TEXT], env)).toMatchObject({
      kind: 'run',
      identity,
    });
    expect(parseWsproxyCommand([URL_TEXT], { CONVERGE_TOKEN: '', SSH_AUTH_SOCK: '' })).toEqual({
      kind: 'run',
      destination: expect.anything(),
      identity: {},
    });
  });

  test('takes its proxy from the environment', () => {
    const command = parseWsproxyCommand([URL_TEXT], { HTTP_PROXY: 'http://proxy.example:3128' });
    expect(command).toMatchObject({ destination: { proxy: { host: 'proxy.example:3128' } } });
    expect(parseWsproxyCommand([URL_TEXT], { HTTP_PROXY: 'socks5://p' })).toMatchObject({ kind: 'invalid' });
  });
});

describe('tcptows', () => {
  test('takes a port and a URL, and listens on this machine only', () => {
    expect(parseTcptowsCommand(['2222', URL_TEXT], {})).toMatchObject({
      kind: 'run',
      port: 2222,
      bind: '127.0.0.1',
    });
    expect(parseTcptowsCommand(['--bind', '::1', '0', URL_TEXT], {})).toMatchObject({ port: 0, bind: '::1' });
  });

  test.each([
    [[], /PORT and URL are needed/],
    [[URL_TEXT], /PORT and URL are needed/],
    [['65536', URL_TEXT], /"65536" is not a port/],
    [['ssh', URL_TEXT], /"ssh" is not a port/],
    [['1e3', URL_TEXT], /is not a port/],
    [['22', URL_TEXT, 'more'], /"more" after the URL/],
    [['22', '--port', '3', URL_TEXT], /no option --port/],
  ])('refuses %j in one line', (args, message) => {
    expect(parseTcptowsCommand(args, {})).toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(message),
    });
  });

  test('says what to type, for every kind of address', () => {
    const line = (address: string, family: string) => listeningLine({ address, family, port: 2222 });
    expect(line('127.0.0.1', 'IPv4')).toBe('listening on 127.0.0.1:2222; ssh -p 2222 USER@127.0.0.1');
    expect(line('::1', 'IPv6')).toBe('listening on [::1]:2222; ssh -p 2222 USER@::1');
    expect(line('0.0.0.0', 'IPv4')).toBe('listening on 0.0.0.0:2222; ssh -p 2222 USER@localhost');
  });

  test('says why it does not listen', () => {
    expect(listenFaultLine('EADDRINUSE', '127.0.0.1', 22)).toMatch(/^port 22 on 127\.0\.0\.1 is in use/);
    expect(listenFaultLine('EACCES', '127.0.0.1', 22)).toMatch(/needs more rights/);
    expect(listenFaultLine('EADDRNOTAVAIL', '10.9.8.7', 22)).toMatch(
      /"10\.9\.8\.7" is not an address of this machine/,
    );
  });
});

describe('the proxy of the environment', () => {
  const wss = new URL('wss://relay.corp.example/client/x');
  const ws = new URL('ws://relay.corp.example:8080/client/x');
  const proxy = (url: URL, env: Record<string, string>) => {
    const choice = proxyFor(url, env);
    return choice.kind === 'proxy' ? choice.url.href : choice.kind;
  };

  test('goes by the scheme, with ALL_PROXY for what is left, lower case first', () => {
    expect(proxy(wss, { HTTPS_PROXY: 'http://a:1', HTTP_PROXY: 'http://b:1' })).toBe('http://a:1/');
    expect(proxy(ws, { HTTPS_PROXY: 'http://a:1', HTTP_PROXY: 'http://b:1' })).toBe('http://b:1/');
    expect(proxy(ws, { HTTPS_PROXY: 'http://a:1', all_proxy: 'http://c:1' })).toBe('http://c:1/');
    expect(proxy(wss, { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:1' })).toBe('http://a:1/');
    expect(proxy(wss, { HTTP_PROXY: 'http://b:1' })).toBe('direct');
    expect(proxy(wss, { HTTPS_PROXY: '' })).toBe('direct');
  });

  test('speaks http to a proxy that is named without a scheme', () => {
    expect(proxy(wss, { HTTPS_PROXY: 'proxy.example:3128' })).toBe('http://proxy.example:3128/');
  });

  test.each([
    '*',
    'corp.example',
    '.corp.example',
    '*.corp.example',
    'RELAY.corp.example',
    'a, relay.corp.example:443',
    'b relay.corp.example',
  ])('is not used where NO_PROXY is %j', (list) => {
    expect(proxy(wss, { HTTPS_PROXY: 'http://a:1', NO_PROXY: list })).toBe('direct');
  });

  test.each([
    '',
    'example.com',
    'elay.corp.example',
    'x.relay.corp.example',
    'relay.corp.example:8443',
    '10.0.0.0/8',
    'corp',
    '.',
  ])('is used where NO_PROXY is %j', (list) => {
    expect(proxy(wss, { HTTPS_PROXY: 'http://a:1', NO_PROXY: list })).toBe('http://a:1/');
  });

  test('knows addresses and ranges in NO_PROXY', () => {
    const at = (host: string, list: string) =>
      proxy(new URL(`ws://${host}/client/x`), { http_proxy: 'http://a:1', no_proxy: list });
    expect(at('10.1.2.3', '10.0.0.0/8')).toBe('direct');
    expect(at('11.1.2.3', '10.0.0.0/8')).toBe('http://a:1/');
    expect(at('10.1.2.3', '10.0.0.0/99')).toBe('http://a:1/');
    expect(at('127.0.0.1:8080', '127.0.0.1')).toBe('direct');
    expect(at('127.0.0.1:8080', '127.0.0.1:8080')).toBe('direct');
    expect(at('127.0.0.1:8080', '127.0.0.1:80')).toBe('http://a:1/');
    expect(at('[::1]:8080', '::1')).toBe('direct');
    expect(at('[fd00::5]', 'fd00::/8')).toBe('direct');
    expect(at('[::1]:8080', '[::1]:8080')).toBe('direct');
  });

  test('is refused by name, without the password, when it cannot be used', () => {
    const choice = proxyFor(wss, { ALL_PROXY: 'socks5://me:hunter2@proxy.example:1080' });
    expect(choice).toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(/ALL_PROXY names socks5:/),
    });
    expect(JSON.stringify(choice)).not.toContain('hunter2');
    expect(proxyFor(wss, { HTTPS_PROXY: 'http://' })).toMatchObject({ kind: 'invalid' });
  });
});
