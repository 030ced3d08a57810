// A person signs on from wsproxy, tcptows and the real ssh: what they read, what is kept, and how it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { openClientProgram } from '../../support/clients/test-program.ts';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import { makePrivateAuthority } from '../../support/network/private-authority.ts';
import {
  type ClientProgram,
  cleanEnvironment,
  commandOf,
  outputOf,
} from '../../support/process/client-program.ts';
import { SignOnDesk } from '../../support/relay/sign-on-desk.ts';
import { echo, type StandInOptions, type StandInRelay, say } from '../../support/relay/stand-in-relay.ts';
import { openStandIn } from '../../support/relay/test-stand-in.ts';
import { makeKeyFile } from '../../support/ssh/key-file.ts';
import { createPinnedSshHost } from '../../support/ssh/pinned-ssh-host.ts';
import { until } from '../../support/time/poll.ts';

const SAID =
  /^wsproxy: \S+ asks you to sign on: open https:\/\/login\.example\/device\nwsproxy: and type the code WDJB-MJHT there, within 10 minutes\n/;

let home: string;
let state: string;
let desk: SignOnDesk;
let shown: (string | undefined)[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'signing-on-'));
  state = join(home, '.local', 'state', 'converge');
  desk = new SignOnDesk();
  shown = [];
});

afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

/** Lets in whoever shows the newest token of the desk. */
function openAsking(options: StandInOptions = {}): Promise<StandInRelay> {
  return openStandIn({
    serve: say(Buffer.from('greetings')),
    request: desk.serve,
    gate: {
      kinds: ['sso'],
      pass: 'a-pass',
      judge({ [IDENTITY_HEADER]: header, 'converge-pass': pass }) {
        const proof = header?.toString();
        shown.push(proof ?? pass?.toString());
        if (proof === undefined) return pass === 'a-pass' ? undefined : 'identity_required';
        return proof === `sso ${desk.token}` ? undefined : 'sso_expired';
      },
    },
    ...options,
  });
}

function wsproxy(relay: StandInRelay, env: Readonly<Record<string, string>> = { HOME: home }): ClientProgram {
  return openClientProgram('wsproxy', [relay.url()], env);
}

async function expectGreetings(program: ClientProgram): Promise<string> {
  const { output, errors, code } = await outputOf(program);
  expect({ code, output: output.toString() }, errors).toEqual({ code: 0, output: 'greetings' });
  return errors;
}

describe('the first start', () => {
  test('prints two lines to standard error, and standard output has the bytes of the agent alone', async () => {
    const errors = await expectGreetings(wsproxy(await openAsking()));
    expect(errors).toMatch(SAID);
    expect(errors.split('\n').slice(2)).toEqual(['wsproxy: signed on', '']);
    expect(desk.asked).toEqual(['device', 'token']);
    expect(shown).toEqual([undefined, 'sso token-1']);
  });

  test('keeps what it got in a folder and a file that are the user’s alone', async () => {
    await expectGreetings(wsproxy(await openAsking()));
    const [name = '', ...others] = await readdir(state);
    expect(others).toEqual([]);
    expect(((await stat(state)).mode & 0o777).toString(8)).toBe('700');
    expect(((await stat(join(state, name))).mode & 0o777).toString(8)).toBe('600');
    expect(await readFile(join(state, name), 'utf8')).toContain('"refresh-1"');
  });

  test('is not made where others could read it: through a proxy over plain HTTP', async () => {
    const proxy = await startConnectProxy();
    onTestFinished(() => proxy.close());
    const program = wsproxy(await openAsking(), {
      HOME: home,
      HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
    });
    expect(await program.exit).toBe(4);
    expect(program.errors()).toMatch(/use wss:\/\/ in place of ws:\/\/\n$/);
    expect(desk.asked).toEqual([]);
  });

  test('asks over TLS, through the proxy, and with the machine’s authorities, as it dials', async () => {
    const authority = await makePrivateAuthority(home, 'DNS:relay.test');
    const proxy = await startConnectProxy();
    onTestFinished(() => proxy.close());
    const relay = await openAsking({ tls: authority });
    const program = openClientProgram('wsproxy', [relay.url('relay.test')], {
      HOME: home,
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
      SSL_CERT_FILE: authority.caFile,
    });
    expect(await expectGreetings(program)).toMatch(SAID);
    // Two dials, and two questions; the first of all met an authority that was not known yet.
    expect(proxy.tunnels).toEqual(Array(5).fill(`relay.test:${relay.port}`));
  });
});

describe('the next start', () => {
  test('says nothing and asks nobody', async () => {
    const relay = await openAsking();
    await expectGreetings(wsproxy(relay));
    expect(await expectGreetings(wsproxy(relay))).toBe('');
    expect(desk.asked).toEqual(['device', 'token']);
  });

  test('refreshes a token that is over, in silence', async () => {
    desk.lifeMs = 0;
    const relay = await openAsking();
    await expectGreetings(wsproxy(relay));
    expect(await expectGreetings(wsproxy(relay))).toBe('');
    expect(await expectGreetings(wsproxy(relay))).toBe('');
    expect(desk.asked).toEqual(['device', 'token', 'refresh refresh-1', 'refresh refresh-2']);
  });

  test('refreshes a token that the relay does not take any more, in silence', async () => {
    const relay = await openAsking();
    await expectGreetings(wsproxy(relay));
    await fetch(relay.url().replace(/^ws(.*)\/client.*/, 'http$1/sign-on/refresh'), {
      method: 'POST',
      body: '{"refresh":"of somebody else"}',
    });
    expect(await expectGreetings(wsproxy(relay))).toBe('');
    expect(shown.slice(2)).toEqual([undefined, 'sso token-1', 'sso token-3']);
  });

  test('asks the person again when the refresh is revoked', async () => {
    desk.lifeMs = 0;
    const relay = await openAsking();
    await expectGreetings(wsproxy(relay));
    desk.refusals = { refresh: 'sso_refused' };
    expect(await expectGreetings(wsproxy(relay))).toMatch(SAID);
    expect(desk.asked.slice(2)).toEqual(['refresh refresh-1', 'device', 'token']);
  });

  test('ignores what others may read, says so in one line, and asks the person', async () => {
    const relay = await openAsking();
    await expectGreetings(wsproxy(relay));
    await chmod(state, 0o755);
    const errors = await expectGreetings(wsproxy(relay));
    expect(errors.split('\n')[0]).toBe(
      `wsproxy: what is kept of your sign-on is ignored: ${state} is open to others; chmod 700 ${state}`,
    );
    expect(errors.split('\n').slice(1).join('\n')).toMatch(SAID);
  });
});

test('three starts at once ask the person once', async () => {
  const relay = await openAsking();
  const programs = [wsproxy(relay), wsproxy(relay), wsproxy(relay)];
  const errors = await Promise.all(programs.map(expectGreetings));
  expect(errors.filter((text) => SAID.test(text))).toHaveLength(1);
  expect(desk.asked).toEqual(['device', 'token']);
});

test('where nothing can be kept it works without, in each start anew', async () => {
  const relay = await openAsking();
  expect(await expectGreetings(wsproxy(relay, { HOME: '' }))).toMatch(SAID);
  expect(await expectGreetings(wsproxy(relay, { HOME: '' }))).toMatch(SAID);
});

test('XDG_STATE_HOME says where it is kept', async () => {
  const folder = join(home, 'elsewhere');
  await expectGreetings(wsproxy(await openAsking(), { HOME: '/nonexistent', XDG_STATE_HOME: folder }));
  expect(await readdir(join(folder, 'converge'))).toHaveLength(1);
});

describe('the end', () => {
  test.each([
    [
      'sso_refused',
      /^wsproxy: \S+ asks clients who they are: \S+ refused: says sso_refused \(sso_refused\)$/,
    ],
    ['sso_expired', /refused: says sso_expired \(sso_expired\)$/],
  ] as const)('after %s is one sentence, and exit code 4', async (code, words) => {
    desk.refusals = { token: code };
    const program = wsproxy(await openAsking());
    expect(await program.exit).toBe(4);
    expect(program.errors().trimEnd().split('\n')).toHaveLength(3);
    expect(program.errors().trimEnd().split('\n').at(-1)).toMatch(words);
    expect(await readdir(state)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'comes at once by %s, and leaves nothing behind',
    async (signal) => {
      desk.isPersonDone = false;
      const program = wsproxy(await openAsking());
      await until('the person is asked', () => SAID.test(program.errors()));
      program.child.kill(signal);
      expect(await program.exit).toBe(0);
      expect(program.errors().trimEnd().split('\n')).toHaveLength(2);
      expect(await readdir(state)).toEqual([]);
    },
  );
});

test('the real ssh shows the two lines, without a terminal and in batch mode, and goes on when that is done', async () => {
  desk.isPersonDone = false;
  const sshHost = createPinnedSshHost();
  const relay = await openAsking({ serve: (session) => sshHost.serve(duplexOf(session)) });
  const key = join(home, 'key');
  await makeKeyFile(key);
  const url = `${relay.url()}#${sshHost.fingerprint}`;
  const settings = [
    `ProxyCommand=${commandOf('wsproxy')} '${url}'`,
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'BatchMode=yes',
    `IdentityFile=${key}`,
  ].flatMap((setting) => ['-o', setting]);
  const child = spawn('ssh', ['-F', '/dev/null', ...settings, 'abc@job-1', 'make test'], {
    env: cleanEnvironment({ HOME: home }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = once(child, 'close');
  await until('ssh shows what to do', () => SAID.test(errors));
  expect(output).toBe('');
  desk.isPersonDone = true;
  const [code] = (await exited) as [number];
  expect({ code, output }, errors).toEqual({ code: 7, output: 'ran make test\n' });
});

test('twenty connections of tcptows wait for one person', async () => {
  desk.isPersonDone = false;
  const relay = await openAsking({ serve: echo });
  const program = openClientProgram('tcptows', ['0', relay.url()], { HOME: home });
  let listening = '';
  program.child.stdout.setEncoding('utf8').on('data', (text: string) => {
    listening += text;
  });
  await until('tcptows listens', () => listening.endsWith('\n'));
  const port = Number(/ssh -p (\d+)/.exec(listening)?.[1]);
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('x');
    return socket;
  });
  await until('all have asked', () => shown.length === 20);
  // Whoever was first may leave: the person signs on for all.
  sockets[0]?.destroy();
  desk.isPersonDone = true;
  await Promise.all(sockets.slice(1).map((socket) => once(socket, 'data')));
  expect(desk.asked.filter((what) => what === 'device')).toHaveLength(1);
  expect(program.errors().match(/sign on: open/g)).toHaveLength(1);
  expect(shown.filter((what) => what === 'sso token-1').length).toBeLessThanOrEqual(2);
});
