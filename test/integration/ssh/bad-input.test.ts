// Messages out of place, broken rules and unknown requests: the same answer as Debian's sshd, or a clean end.
import { copyFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MAX_SESSION_CHANNELS_PER_CONNECTION } from '../../../services/agent/ssh/client-services.ts';
import { MAX_REMOTE_LISTENERS_PER_CONNECTION } from '../../../services/agent/ssh/forward/forward-remote.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { connectRawSsh, type RawSsh, type RawSshOptions } from '../../support/ssh/raw-ssh.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { channelRequest, message, openSession } from '../../support/ssh/ssh-messages.ts';
import { startSshd } from '../../support/ssh/sshd.ts';

/** Asked at the end, answered with 82 by everybody: after that, nothing that was asked before is still to come. */
const LAST_QUESTION = message(80, 'keepalive@openssh.com', true);
const LAST_ANSWER = 82;
const MAX_WINDOW = 2 ** 32 - 1;
const UNKNOWN = 4711;

let stack: AsyncDisposableStack;
let host: SshHost;
let sshdPort: number;
const connections: RawSsh[] = [];

beforeAll(async () => {
  await ensureCommands(['sshd']);
  stack = new AsyncDisposableStack();
  host = await startSshHost();
  stack.defer(() => host.stop());
  copyFileSync(host.keyFile, path.join(host.folder, 'key'));
  copyFileSync(`${host.keyFile}.pub`, path.join(host.folder, 'key.pub'));
  ({ port: sshdPort } = await startSshd(stack, host.folder));
});
afterEach(() => {
  for (const ssh of connections.splice(0)) ssh.end();
});
afterAll(() => stack.disposeAsync());

async function connect(options: RawSshOptions): Promise<RawSsh> {
  const ssh = await connectRawSsh(options);
  connections.push(ssh);
  return ssh;
}

async function connectOurs(until: 'handshake' | 'login'): Promise<RawSsh> {
  return connect({ port: host.port, user: 'abc', keyFile: host.keyFile, until });
}

async function connectTheirs(until: 'handshake' | 'login'): Promise<RawSsh> {
  return connect({ port: sshdPort, user: userInfo().username, keyFile: host.keyFile, until });
}

/** What a conversation was, as types of messages: numbers, in their order. */
async function outcomeOf(ssh: RawSsh, payloads: readonly Buffer[]): Promise<unknown> {
  ssh.send(...payloads, LAST_QUESTION);
  const types = (await ssh.receive(LAST_ANSWER)).map(([type]) => type);
  const outcome = { types, closed: ssh.isClosed };
  return outcome;
}

describe('after the login', () => {
  test.each<[string, Buffer[]]>([
    ['an unknown global request that wants a reply', [message(80, 'no-such@example.com', true)]],
    ['an unknown global request that wants none', [message(80, 'no-such@example.com', false)]],
    ['an unknown message', [message(150)]],
    ['a message that cannot be', [message(200)]],
    ['a reserved message', [message(40)]],
    ['NEWKEYS', [message(21)]],
    ['a key exchange message without a key exchange', [message(30, Buffer.alloc(32))]],
    ['a login', [message(50, 'abc', 'ssh-connection', 'none')]],
    ['a request for the login service', [message(5, 'ssh-userauth')]],
    ['an answer to a question nobody asked', [message(61, 0)]],
    ['a login that succeeded, from the client', [message(52)]],
    ['an unknown kind of channel', [message(90, 'no-such', 0, 1000, 1000)]],
    ['data for an unknown channel', [message(94, UNKNOWN, 'x')]],
    ['EOF for an unknown channel', [message(96, UNKNOWN)]],
    ['CLOSE for an unknown channel', [message(97, UNKNOWN)]],
    ['window for an unknown channel', [message(93, UNKNOWN, 1)]],
    ['a request on an unknown channel', [channelRequest(UNKNOWN, 'shell', true)]],
    ['data on a channel where nothing runs', [openSession(7), message(94, 0, 'x')]],
  ])('%s', async (_name, payloads) => {
    const theirs = await outcomeOf(await connectTheirs('login'), payloads);
    expect(await outcomeOf(await connectOurs('login'), payloads)).toEqual(theirs);
  });

  test.each<[string, Buffer[]]>([
    ['a request on a closed channel', [openSession(7), message(97, 0), channelRequest(0, 'shell', true)]],
    [
      'a window beyond 2^32-1',
      [openSession(7, MAX_WINDOW), channelRequest(0, 'exec', false, 'cat'), message(93, 0, 1)],
    ],
  ])('%s ends the connection', async (_name, payloads) => {
    expect(await outcomeOf(await connectOurs('login'), payloads)).toMatchObject({ closed: true });
  });

  test('requests that want a reply get one, in order, also while a program runs', async () => {
    const requests = [
      openSession(7),
      channelRequest(0, 'no-such', true),
      channelRequest(0, 'no-such', false),
      channelRequest(0, 'exec', true, 'cat'),
      channelRequest(0, 'keepalive@openssh.com', true),
      channelRequest(0, 'window-change', true, 80, 24, 0, 0),
      channelRequest(0, 'signal', true, 'NO-SUCH'),
      channelRequest(0, 'winadj@putty.projects.tartarus.org', true),
      channelRequest(0, 'exec', true, 'cat'),
      channelRequest(0, 'pty-req', true, 'xterm', 80, 24, 0, 0, ''),
      message(96, 0),
      channelRequest(0, 'window-change', true, 80, 24, 0, 0),
    ];
    const outcomes: unknown[] = [];
    for (const open of [connectTheirs, connectOurs]) {
      const ssh = await open('login');
      ssh.send(...requests);
      const types = (await ssh.receive(97)).map(([type]) => type ?? 0);
      outcomes.push(types.filter((type) => type === 91 || type === 99 || type === 100));
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[1]).toEqual([91, 100, 99, 100, 99, 100, 100, 100, 100, 99]);
  });

  test.each([0, 1, MAX_WINDOW])('a window of %i bytes', async (window) => {
    for (const open of [connectTheirs, connectOurs]) {
      const ssh = await open('login');
      ssh.send(openSession(7, window), channelRequest(0, 'exec', true, 'echo hello; exec >&-; exit 3'));
      await ssh.receive(99);
      // One more than it needs: sshd does not look for the end of the output while there is no window.
      if (window < 7) ssh.send(message(93, 0, 7 - window));
      const messages = await ssh.receive(97);
      const data = messages.filter(([type]) => type === 94).map((data) => data.toString('latin1', 9));
      expect(data.join('')).toBe('hello\n');
    }
  });

  test('data after EOF goes nowhere, and takes nothing away', async () => {
    const requests = [
      openSession(7),
      channelRequest(0, 'exec', true, 'cat; echo end'),
      message(96, 0),
      message(94, 0, 'x'),
    ];
    for (const open of [connectTheirs, connectOurs]) {
      const ssh = await open('login');
      ssh.send(...requests);
      const messages = await ssh.receive(97);
      const data = messages.filter(([type]) => type === 94).map((each) => each.toString('latin1', 9));
      expect(data.join('')).toBe('end\n');
    }
  });

  test('data far beyond the window ends the connection', async () => {
    const ssh = await connectOurs('login');
    ssh.send(openSession(7), channelRequest(0, 'exec', true, 'sleep 100'));
    await ssh.receive(99);
    const chunk = message(94, 0, Buffer.alloc(32 * 1024));
    ssh.send(...Array.from({ length: 160 }, () => chunk), LAST_QUESTION);
    await ssh.receive(LAST_ANSWER);
    expect(ssh.isClosed).toBe(true);
  });

  test('packets of one byte carry everything', async () => {
    const ssh = await connectOurs('login');
    ssh.send(openSession(7, 1000, 1), channelRequest(0, 'exec', true, 'echo hello'));
    const data = (await ssh.receive(97))
      .filter(([type]) => type === 94)
      .map((each) => each.toString('latin1', 9));
    expect(data).toEqual('hello\n'.split(''));
  });

  test('packets of no bytes are refused, as nothing could be sent in them', async () => {
    const outcome = await outcomeOf(await connectOurs('login'), [openSession(7, 1000, 0)]);
    expect(outcome).toEqual({ types: [92, LAST_ANSWER], closed: false });
  });

  test('sessions beyond the limit are refused, the others go on', async () => {
    const ssh = await connectOurs('login');
    const sessions = Array.from({ length: MAX_SESSION_CHANNELS_PER_CONNECTION + 1 }, (_, id) =>
      openSession(id),
    );
    ssh.send(...sessions, channelRequest(0, 'exec', true, 'true'));
    const types = (await ssh.receive(97)).map(([type]) => type);
    expect(types.filter((type) => type === 91)).toHaveLength(MAX_SESSION_CHANNELS_PER_CONNECTION);
    expect(types.filter((type) => type === 92)).toHaveLength(1);
    expect(types).toContain(99);
  });
});

describe('forwards', () => {
  const ANSWERS = { yes: 81, no: 82 } as const;

  test('to a port that there is not: refused as by sshd', async () => {
    const open = message(90, 'direct-tcpip', 7, 1000, 1000, '127.0.0.1', 70_000, '127.0.0.1', 1);
    const theirs = await outcomeOf(await connectTheirs('login'), [open]);
    expect(await outcomeOf(await connectOurs('login'), [open])).toEqual(theirs);
  });

  test('from where nobody can listen: refused, and new files have the modes that they had', async () => {
    const mask = process.umask();
    const ssh = await connectOurs('login');
    for (const wish of [
      message(80, 'tcpip-forward', true, '127.0.0.1', 70_000),
      message(80, 'streamlocal-forward@openssh.com', true, ''),
    ]) {
      ssh.send(wish);
      expect(await ssh.receive(ANSWERS.no)).toHaveLength(1);
    }
    expect(ssh.isClosed).toBe(false);
    expect(process.umask()).toBe(mask);
  });

  test('listeners beyond the limit are refused, also when all are asked for at once', async () => {
    const ssh = await connectOurs('login');
    const wish = message(80, 'tcpip-forward', true, '127.0.0.1', 0);
    ssh.send(...Array.from({ length: MAX_REMOTE_LISTENERS_PER_CONNECTION + 1 }, () => wish));
    const types = (await ssh.receive(ANSWERS.no)).map(([type]) => type);
    const yes = Array.from({ length: MAX_REMOTE_LISTENERS_PER_CONNECTION }, () => ANSWERS.yes);
    expect(types).toEqual([...yes, ANSWERS.no]);
  });
});

describe('before the login', () => {
  const askService = message(5, 'ssh-userauth');
  const ask = message(50, 'abc', 'ssh-connection', 'none');
  const FAILED = 51;

  test.each<[string, Buffer[]]>([
    ['channels', [openSession(0), message(94, 0, 'x')]],
    ['global requests', [message(80, 'tcpip-forward', true, '', 0)]],
    ['an unknown message', [message(150)]],
    ['a message that cannot be', [message(200)]],
    ['NEWKEYS', [message(21)]],
    ['the service asked for again', [askService]],
    ['another service', [message(5, 'ssh-connection')]],
    ['an unknown method', [message(50, 'abc', 'ssh-connection', 'no-such')]],
    ['another user', [ask, message(50, 'other', 'ssh-connection', 'none')]],
  ])('%s', async (_name, payloads) => {
    const outcomes: unknown[] = [];
    for (const open of [connectTheirs, connectOurs]) {
      const ssh = await open('handshake');
      ssh.send(askService);
      await ssh.receive(6);
      ssh.send(...payloads, message(50, 'abc', 'ssh-connection', 'none'));
      const types = (await ssh.receive(FAILED)).map(([type]) => type);
      outcomes.push({ types, closed: ssh.isClosed });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });
});
