// The SSH client of pages against hosts that others wrote: OpenSSH's sshd and ssh2's server, and our agent beside them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../../services/clients/browser/ssh/channels/channel.ts';
import type { ProgramEnd } from '../../../services/clients/browser/ssh/channels/channel-piece.ts';
import {
  openPort,
  openSession,
  resizeTerminal,
} from '../../../services/clients/browser/ssh/channels/session.ts';
import { pinOf } from '../../../services/clients/browser/ssh/exchange/host-key.ts';
import type { SigningKey } from '../../../services/clients/browser/ssh/sign-in/sign-in-ways.ts';
import { SshFault } from '../../../services/clients/browser/ssh/wire/ssh-fault.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { startEchoTcp } from '../../support/page-client/echo-tcp.ts';
import { keyFromFile } from '../../support/page-client/page-key.ts';
import {
  type PageSession,
  type PageSessionOptions,
  proveHost,
  startPageSession,
} from '../../support/page-client/page-session.ts';
import { lineOver } from '../../support/page-client/tcp-line.ts';
import { startSshHost } from '../../support/ssh/ssh-host.ts';
import { makeKeyFolder, startSshd } from '../../support/ssh/sshd.ts';

interface Host {
  readonly port: number;
  readonly user: string;
  readonly key: SigningKey;
  readonly fingerprint: string;
}

const stack = new AsyncDisposableStack();
const hosts: Record<string, Host> = {};

beforeAll(async () => {
  await ensureCommands(['ssh-keygen', 'sshd', 'sftp-server']);
  const folder = await makeKeyFolder(stack);
  // New keys at the host's wish after each megabyte.
  const sshd = await startSshd(stack, folder, ['RekeyLimit 1M', 'AcceptEnv PAGE_*', 'MaxSessions 60']);
  const hostKey = readFileSync(path.join(folder, 'host-key.pub'), 'utf8').split(' ')[1] ?? '';
  hosts['sshd'] = {
    port: sshd.port,
    user: userInfo().username,
    key: keyFromFile(path.join(folder, 'key')),
    fingerprint: pinOf(Buffer.from(hostKey, 'base64')),
  };
  const agent = await startSshHost();
  stack.defer(() => agent.stop());
  const { port, fingerprint } = agent;
  hosts['agent'] = { port, user: 'abc', key: keyFromFile(agent.keyFile), fingerprint };
});
afterAll(() => stack.disposeAsync());

async function open(name: string, options: PageSessionOptions = {}): Promise<PageSession & Disposable> {
  const { port, user, key } = hosts[name] ?? { port: 0, user: '', key: undefined };
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const page = await startPageSession(lineOver(socket), {
    user,
    signIn: key ? { keys: [key] } : {},
    ...options,
  });
  return { ...page, [Symbol.dispose]: () => page.transport.close('the test is over') };
}

interface Outcome {
  readonly end: ProgramEnd;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

async function run(page: PageSession, command: string, stdin?: Buffer): Promise<Outcome> {
  const channel = await opened(openSession(page.connection, { run: { kind: 'exec', command } }));
  const pieces = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const writing = stdin === undefined ? undefined : channel.write(stdin).then(() => channel.sendEof());
  for (let piece = await channel.read(); piece !== undefined; piece = await channel.read()) {
    pieces[piece.from].push(piece.bytes);
  }
  await Promise.all([writing, channel.closed]);
  return {
    end: channel.programEnd,
    stdout: Buffer.concat(pieces.stdout),
    stderr: Buffer.concat(pieces.stderr),
  };
}

async function opened(opening: ReturnType<typeof openSession>): Promise<Channel> {
  const outcome = await opening;
  if (outcome.kind === 'open') return outcome.channel;
  throw new Error(`refused: ${outcome.reason.printable()}`);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.each(['sshd', 'agent'])('%s', (name) => {
  test('shows the key that its fingerprint names', async () => {
    using page = await open(name);
    expect(pinOf(page.host.hostKey)).toBe(hosts[name]?.fingerprint);
  });

  test('runs commands: what they say, on both outputs, and how they end', async () => {
    using page = await open(name);
    const outcomes = await Promise.all([
      run(page, 'echo out; echo err >&2; exit 3'),
      run(page, 'kill -TERM $$'),
      run(page, 'cat', Buffer.from('through\n')),
      run(page, 'true'),
    ]);
    expect(outcomes.map(({ end }) => end)).toEqual([
      { kind: 'exited', exitCode: 3 },
      { kind: 'killed', signal: 'TERM' },
      { kind: 'exited', exitCode: 0 },
      { kind: 'exited', exitCode: 0 },
    ]);
    expect(outcomes[0]?.stdout.toString()).toBe('out\n');
    expect(outcomes[0]?.stderr.toString()).toContain('err\n');
    expect(outcomes[2]?.stdout.toString()).toBe('through\n');
  });

  test.each([1_000, 40_000, 2_000_000])(
    'brings 3 MB both ways, with a window of %i bytes',
    async (windowBytes) => {
      using page = await open(name, { windowBytes, rekeyAfterBytes: 1_500_000 });
      const bytes = Buffer.from(
        Uint8Array.from({ length: 3_000_000 }, (_none, at) => (at * 31 + (at >> 9)) & 0xff),
      );
      const size = windowBytes < 10_000 ? 300_000 : bytes.length;
      const { stdout, end } = await run(page, 'cat', bytes.subarray(0, size));
      expect([sha256(stdout), end]).toEqual([
        sha256(bytes.subarray(0, size)),
        { kind: 'exited', exitCode: 0 },
      ]);
    },
  );

  test('gives a terminal of the size that was asked for, and of the next size', async () => {
    using page = await open(name);
    const terminal = { term: 'xterm-256color', size: { columns: 101, rows: 37 } };
    const channel = await opened(openSession(page.connection, { terminal, run: { kind: 'shell' } }));
    let heard = '';
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(heard)) {
        const piece = await channel.read();
        if (piece === undefined) throw new Error(`it ended before ${pattern}: ${heard}`);
        heard += Buffer.from(piece.bytes).toString();
      }
    };
    await channel.write(Buffer.from('stty size; echo "term=$TERM"\n'));
    await until(/37 101\r\n/);
    await until(/term=xterm-256color/);
    resizeTerminal(channel, { columns: 55, rows: 12 });
    await channel.write(Buffer.from('stty size\n'));
    await until(/12 55\r\n/);
    await channel.write(Buffer.from('exit 5\n'));
    while ((await channel.read()) !== undefined);
    await channel.closed;
    expect(channel.programEnd).toEqual({ kind: 'exited', exitCode: 5 });
  });

  test('ends a program that nobody reads any more', async () => {
    using page = await open(name);
    const channel = await opened(openSession(page.connection, { run: { kind: 'exec', command: 'yes' } }));
    await channel.read();
    channel.close();
    await channel.closed;
    expect((await run(page, 'echo still here')).stdout.toString()).toBe('still here\n');
  });

  test('opens ports of its own side, and says when there is nobody', async () => {
    using page = await open(name);
    await using echo = await startEchoTcp();
    const channel = await opened(openPort(page.connection, '127.0.0.1', echo.port));
    await channel.write(Buffer.from('over there'));
    channel.sendEof();
    const piece = await channel.read();
    expect(Buffer.from(piece?.bytes ?? []).toString()).toBe('over there');
    const nobody = await openPort(page.connection, '127.0.0.1', 1);
    expect(nobody.kind).toBe('refused');
  });

  test('answers whether it lives, and says goodbye', async () => {
    using page = await open(name);
    await Promise.all([page.connection.ask(), page.connection.ask()]);
    page.transport.rekey();
    await page.connection.ask();
    page.transport.close('enough');
    expect(await page.over).toMatchObject({ code: 'closed' });
    await expect(page.connection.ask()).rejects.toMatchObject({ code: 'closed' });
  });

  test('does not let in whoever has another key', async () => {
    const { port, user } = hosts[name] ?? { port: 0, user: '' };
    const folder = await makeKeyFolder(stack);
    const line = lineOver(connect({ port, host: '127.0.0.1' }));
    const session = await proveHost(line, {
      user,
      signIn: { keys: [keyFromFile(path.join(folder, 'key'))] },
    });
    expect(await session.signIn()).toMatchObject({ kind: 'not_in', wasTried: true });
    session.transport.close('nobody');
  });

  test('is not spoken to where its key is another than the pinned one', async () => {
    const { port } = hosts[name] ?? { port: 0 };
    const line = lineOver(connect({ port, host: '127.0.0.1' }));
    const proving = proveHost(line, {
      checkHost: async () => {
        throw new SshFault('wrong_host_key', 'another');
      },
    });
    await expect(proving).rejects.toMatchObject({ code: 'wrong_host_key' });
  });
});
