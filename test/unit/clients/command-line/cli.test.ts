// The command lines of wsproxy and tcptows, and the proxy variables.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { proxyFor } from '#shared/machine/proxy.ts';
import { VERSION } from '../../../../services/clients/command-line/version.ts';
import {
  listenFaultLine,
  listeningLine,
  parseTcptowsCommand,
} from '../../../../services/clients/tcptows/cli.ts';
import { findTool } from '../../../../services/clients/tools/run-tool.ts';
import { parseWsproxyCommand } from '../../../../services/clients/wsproxy/cli.ts';
import type { OwnProgram } from '../../../../services/clients/wsproxy/own-program.ts';

const URL_TEXT = 'ws://relay.example/client/x';

const PINNED = `wss://relay.example/client/Job-1#SHA256:${'a'.repeat(42)}A`;
const SELF: OwnProgram = { words: ['/opt/my tools/wsproxy'], platform: 'linux' };

describe('wsproxy with a tool', () => {
  /** The words, or the message. */
  function wordsOf(...args: string[]): readonly string[] | string {
    const command = parseWsproxyCommand(args, {}, SELF);
    if (command.kind === 'tool') return command.words;
    return command.kind === 'invalid' ? command.message : command.kind;
  }

  test('has its own options up to the URL, wherever the name of the tool stands among them', () => {
    const ways = [
      ['ssh', '--wait', '5m', '--identity', 'my key', PINNED, '-v', '--wait', 'x'],
      ['--wait', '5m', 'ssh', '--identity', 'my key', PINNED, '-v', '--wait', 'x'],
      ['--wait=5m', '--identity=my key', 'ssh', PINNED, '-v', '--wait', 'x'],
    ].map((args) => wordsOf(...args));
    expect(ways[0]).toContain(
      `ProxyCommand="/opt/my tools/wsproxy" --wait 5m --identity "my key" "${PINNED}"`,
    );
    expect(ways[0]?.slice(1, 2)).toEqual(['-v']);
    expect(ways[1]).toEqual(ways[0]);
    expect(ways[2]).toEqual(ways[0]);
  });

  test('writes the URL anew, without what URLs leave out', () => {
    const words = wordsOf('ssh', 'HTTPS:\\\\Relay.example:443\\p\n\t/client/a');
    expect(words).toContain('ProxyCommand="/opt/my tools/wsproxy" wss://relay.example/p/client/a');
  });

  test('logs in as abc, or as it is told, and waits for as long as the agent', () => {
    expect(wordsOf('sftp', PINNED)).toEqual(
      expect.arrayContaining(['ServerAliveCountMax=5', 'StrictHostKeyChecking=no', 'abc@Job-1']),
    );
    expect(wordsOf('scp', '--user', 'dana', '--resume-window', '10m', PINNED, ':a', '.')).toEqual(
      expect.arrayContaining(['ServerAliveCountMax=21', 'dana@Job-1:a']),
    );
  });

  test.each([
    [['ssh'], /URL is missing: wsproxy ssh URL/],
    [['ssh', '-v', PINNED], /no option -v; .*those of ssh stand behind the URL/],
    [['ssh', 'job-1'], /"job-1" is not a URL/],
    [['ssh', '--user', '-x', PINNED], /--user: "-x" is no name/],
    [['ssh', '--resume-window', 'x', PINNED], /--resume-window: "x" is not a duration/],
    [['scp', PINNED, 'a', 'b'], /begins with a colon/],
    [['ssh', '--strip', '.job', PINNED], /no option --strip/],
    [['--print', PINNED], /no option --print/],
    // What fish, and the shell of Git for Windows, would run of a URL that a stranger made up.
    ...['$(id)', 'a;id', 'a&id', "a'b", 'a|id', '(id)', '!id', '*'].flatMap((text): [string[], RegExp][] => [
      [['ssh', `wss://h/${text}/client/a`], /signs that a shell would act on; ssh gets URLs of/],
      [
        ['rsync', `wss://h${text.replace('|', ';')}/client/a`, ':b', '.'],
        /signs that a shell would act on|is not a URL/,
      ],
    ]),
  ])('refuses %j', (args, message) => {
    expect(wordsOf(...args)).toMatch(message);
  });

  test('--print is the line and nothing else', () => {
    expect(parseWsproxyCommand(['ssh', '--print', 'ws://h/client/a', 'ls -l'], {}, SELF)).toEqual({
      kind: 'text',
      text:
        `ssh -o 'ProxyCommand="/opt/my tools/wsproxy" ws://h/client/a' -o UserKnownHostsFile=/dev/null ` +
        '-o ServerAliveInterval=30 -o ServerAliveCountMax=5 abc@a "ls -l"\n',
    });
  });

  test('takes a URL for a URL, whatever its host is called', () => {
    expect(parseWsproxyCommand(['ws://ssh/client/ssh'], {}, SELF)).toMatchObject({ kind: 'run' });
  });
});

describe('wsproxy config', () => {
  test.each(['wss://relay.example/p', 'wss://relay.example/p/', 'https://relay.example/p/client/a#SHA256:'])(
    'makes of %s the block for its jobs, with the version that wrote it',
    (url) => {
      const pinned = url.endsWith(':') ? `${url}${'a'.repeat(42)}A` : url;
      const command = parseWsproxyCommand(['config', '--wait', '5m', pinned], {}, SELF);
      expect(command).toEqual({
        kind: 'text',
        text: `
# The jobs of wss://relay.example/p: ssh ID.job. Written by wsproxy ${VERSION}.
Host *.job
  User abc
  ProxyCommand "/opt/my tools/wsproxy" --wait 5m --strip .job wss://relay.example/p/client/%n
  UserKnownHostsFile /dev/null
`,
      });
    },
  );

  test.each([
    [[], /which relay\? wsproxy config wss:\/\/HOST/],
    [['relay.example'], /"relay.example" is not a URL of a relay/],
    [['wss://h', 'wss://i'], /"wss:\/\/i" is too much/],
    [["wss://h/it's"], /is not a URL of a relay/],
  ])('refuses %j', (args, message) => {
    expect(parseWsproxyCommand(['config', ...args], {}, SELF)).toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  test.each(['sh', 'bash', 'zsh'])('%s takes a relay with an IPv6 address for a word', (shell) => {
    if (shell === 'zsh' && findTool(shell, process.env) === undefined) return;
    const command = parseWsproxyCommand(['config', 'ws://[::1]:80/p'], {}, SELF);
    const line = command.kind === 'text' ? command.text.match(/--strip (.*)/)?.[1] : undefined;
    const output = execFileSync(shell, ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' });
    expect(output).toBe('.job\nws://[::1]/p/client/%n\n');
  });

  test('--strip takes its suffix off an ID, and only there', () => {
    const idOf = (url: string): unknown => {
      const command = parseWsproxyCommand(['--strip', '.job', url], {}, SELF);
      return command.kind === 'run' ? command.destination.target.id : command;
    };
    expect(idOf('ws://h/client/My.job.job')).toBe('My.job');
    expect(idOf('ws://h/client/plain')).toBe('plain');
  });
});

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
