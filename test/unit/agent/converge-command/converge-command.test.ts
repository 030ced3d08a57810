// The pieces of the `converge` command: shim, requests, private directory, and an agent that is gone or strange.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { shellQuoted } from '#shared/text/shell-quoted.ts';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import {
  type ConvergeCommand,
  installConvergeCommand,
} from '../../../../services/agent/converge-command/answering-end.ts';
import { runConvergeCommand } from '../../../../services/agent/converge-command/asking-end.ts';
import { wordsThroughLink, writeLink } from '../../../../services/agent/converge-command/link.ts';
import { makePrivateDirectory } from '../../../../services/agent/converge-command/private-directory.ts';
import { holdReply, passwordReply, releaseReply } from '../../../../services/agent/converge-command/reply.ts';
import {
  formatLine,
  LINE_TIMEOUT_MS,
  MAX_REPLY_BYTES,
  MAX_REQUEST_BYTES,
  parseReply,
  parseRequest,
} from '../../../../services/agent/converge-command/request.ts';
import { POSIX_COMMAND_PLACE } from '../../../../services/agent/platform/posix/posix-command-place.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sc-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the shim', () => {
  test('is a script that hands every word over as it is', () => {
    const words = ['', 'a b', "it's", '$HOME', '`x`', '"', '\\', '*', 'x\ny', '-n'];
    const quoted = words.map(shellQuoted).join(' ');
    const output = execFileSync('/bin/sh', ['-c', `printf '<%s>' ${quoted}`], { encoding: 'utf8' });
    expect(output).toBe(words.map((word) => `<${word}>`).join(''));
  });

  test('starts the program with the words that are given, and those of the person behind', () => {
    const [{ name, text }] = POSIX_COMMAND_PLACE.shims(['/x/agent', '--session-command', '/t/socket']);
    expect(name).toBe('converge');
    expect(text).toContain(`exec '/x/agent' '--session-command' '/t/socket' "$@"`);
  });
});

describe('the link', () => {
  const through = (argv0: string, path?: string) => wordsThroughLink(argv0, ['status'], path);

  test('leads to the socket beside it, by its path and by PATH, and nothing else does', async () => {
    const bin = join(directory, 'bin');
    await mkdir(bin);
    const words = ['--session-command', join(directory, 'socket'), 'status'];
    await writeLink(join(bin, 'converge'), ['/bin/true']);
    expect(through(join(bin, 'converge')), 'no socket').toEqual(['status']);
    const server = createServer().listen(join(directory, 'socket'));
    await once(server, 'listening');
    try {
      expect(through(join(bin, 'converge'))).toEqual(words);
      expect(through('converge', `/nowhere:${bin}:/bin`)).toEqual(words);
      // As in a folder that is closed to this user, there is no answer but a fault.
      expect(through('converge', `/${'x'.repeat(300)}:${bin}`)).toEqual(words);
      for (const [argv0, path] of [
        ['converge', undefined],
        ['converge', '/bin'],
        ['agent', bin],
        ['./converge', bin],
        ['', bin],
      ] as const)
        expect(through(argv0, path), argv0).toEqual(['status']);
      await rm(join(bin, 'converge'));
      await writeFile(join(bin, 'converge'), '');
      expect(through(join(bin, 'converge')), 'no link').toEqual(['status']);
    } finally {
      server.close();
    }
  });

  test('is not made to what may not run, or needs words', async () => {
    await expect(writeLink(join(directory, 'a'), ['/etc/passwd'])).rejects.toThrow('EACCES');
    await expect(writeLink(join(directory, 'b'), ['/bin/node', 'main.ts'])).rejects.toThrow(
      'programs may not run',
    );
  });
});

describe('requests', () => {
  test('are read back as they were written', () => {
    for (const request of [
      { command: 'status' },
      { command: 'hold', durationMs: 5 },
      { command: 'hold' },
      { command: 'status', form: 'json' },
      { command: 'allow', line: 'ssh-ed25519 AAAA' },
    ] as const) {
      expect(parseRequest(formatLine(request))).toEqual(request);
    }
  });

  test('are refused when they are anything else, without an exception', () => {
    for (const line of ['', '{', '[]', 'null', '{"command":"rm"}', '{"command":"hold","durationMs":-1}']) {
      expect(parseRequest(line), line).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.json(), (line) => {
        parseRequest(line);
        parseReply(line);
      }),
    );
  });
});

async function madeIn(preferred: string): Promise<string> {
  const made = await makePrivateDirectory({
    place: POSIX_COMMAND_PLACE,
    preferred,
    fill: () => Promise.resolve(),
  });
  if (made.kind === 'none') throw new Error(made.detail);
  return made.path;
}

describe('the private directory', () => {
  test('is made where the job wants it', async () => {
    const made = await madeIn(directory);
    expect(made.startsWith(`${directory}/converge-`)).toBe(true);
    expect((await stat(made)).mode & 0o777).toBe(0o700);
  });

  test('is made elsewhere when it cannot be filled there, and leaves nothing behind', async () => {
    const tried: string[] = [];
    const made = await makePrivateDirectory({
      place: POSIX_COMMAND_PLACE,
      preferred: directory,
      fill(place) {
        tried.push(place);
        return tried.length === 1 ? Promise.reject(new Error('ENOSPC')) : Promise.resolve();
      },
    });
    expect(made).toEqual({ kind: 'made', path: tried[1] });
    expect(tried[0]).toContain(directory);
    expect(await readdir(directory)).toEqual([]);
    await rm(tried[1] ?? '', { recursive: true });
  });

  test('is made in the last resort when no usual place will do', async () => {
    const resort = join(directory, 'job');
    await mkdir(resort);
    const made = await makePrivateDirectory({
      place: POSIX_COMMAND_PLACE,
      preferred: '/nonexistent',
      lastResorts: [resort],
      fill: (place) => (place.startsWith(resort) ? Promise.resolve() : Promise.reject(new Error('ENOSPC'))),
    });
    expect(made).toMatchObject({ kind: 'made', path: expect.stringContaining(resort) });
  });

  test('is one that runs no programs only when none does', async () => {
    const tried: string[] = [];
    const made = await makePrivateDirectory({
      place: POSIX_COMMAND_PLACE,
      preferred: directory,
      fill(_, runs) {
        tried.push(runs);
        return runs === 'links' ? Promise.resolve() : Promise.reject(new Error('ENOSPC'));
      },
    });
    if (made.kind === 'none') throw new Error(made.detail);
    expect(made.path.startsWith(directory)).toBe(true);
    expect(tried.indexOf('links')).toBe(tried.length - 1);
    expect(tried.length).toBeGreaterThan(2);
  });

  test('is none when nothing will do, and the reason is told of each place', async () => {
    const fill = (): Promise<void> => Promise.reject(new Error('no room'));
    const made = await makePrivateDirectory({ place: POSIX_COMMAND_PLACE, preferred: directory, fill });
    expect(made).toMatchObject({
      kind: 'none',
      detail: expect.stringContaining(`${directory}: no room; /tmp: `),
    });
  });

  test.each([
    ['is too long for a socket', 'x'.repeat(100)],
    ['has a colon', 'a:b'],
  ])('is made elsewhere when that path %s', async (_name, name) => {
    const unfit = join(directory, name);
    await mkdir(unfit);
    const made = await madeIn(unfit);
    try {
      expect(made.startsWith(unfit)).toBe(false);
      expect(Buffer.byteLength(join(made, 'socket'))).toBeLessThan(104);
    } finally {
      await rm(made, { recursive: true });
    }
  });

  test('is made elsewhere when that path is not there', async () => {
    const made = await madeIn(join(directory, 'absent'));
    await rm(made, { recursive: true });
  });
});

describe('the agent as the command sees it', () => {
  let server: Server | undefined;
  let clock: ManualClock;
  let accepted: Socket[];

  beforeEach(() => {
    clock = new ManualClock();
    accepted = [];
  });
  afterEach(() => {
    for (const socket of accepted) socket.destroy();
    server?.close();
    server = undefined;
  });

  async function serve(onConnection: (socket: Socket) => void): Promise<void> {
    server = createServer((socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    server.listen(join(directory, 's'));
    await once(server, 'listening');
  }

  async function status(): Promise<{ code: number; stderr: string }> {
    let stderr = '';
    const code = await runConvergeCommand(['status'], {
      clock,
      socketPath: join(directory, 's'),
      stdout: { write: () => true },
      stderr: { write: (text) => (stderr += text) },
    });
    return { code, stderr };
  }

  test('has ended when its socket is gone', async () => {
    expect(await status()).toEqual({ code: 1, stderr: 'converge: the agent of this session has ended\n' });
  });

  test('ended before it answered when it hangs up', async () => {
    await serve((socket) => socket.destroy());
    expect((await status()).stderr).toMatch(/ended before it answered|cannot reach the agent/);
  });

  test('does not answer when it is silent', async () => {
    await serve(() => clock.advance(LINE_TIMEOUT_MS));
    expect(await status()).toEqual({
      code: 1,
      stderr: 'converge: the agent of this session does not answer\n',
    });
  });

  test.each(['nonsense\n', 'x'.repeat(MAX_REPLY_BYTES + 1)])(
    'makes no sense when it sends something else',
    async (text) => {
      await serve((socket) => socket.write(text));
      expect((await status()).stderr).toContain('the answer makes no sense');
    },
  );
});

const NO_ANSWERS = {
  status: () => expect.fail('asked'),
  hold: () => expect.fail('asked'),
  release: () => expect.fail('asked'),
  password: () => expect.fail('asked'),
  allow: () => expect.fail('asked'),
  end: () => expect.fail('asked'),
  judge: () => expect.fail('asked'),
  stop: () => expect.fail('asked'),
  jobDone: () => expect.fail('asked'),
  cancel: () => expect.fail('asked'),
};

async function startCommand(clock: Clock): Promise<ConvergeCommand> {
  const start = await installConvergeCommand({
    clock,
    place: POSIX_COMMAND_PLACE,
    program: ['/bin/true'],
    temporaryDirectory: directory,
    path: undefined,
  });
  if (start.kind === 'unavailable') throw new Error(start.detail);
  start.command.answer(NO_ANSWERS);
  return start.command;
}

describe('the command as the agent sees it', () => {
  test('is cut off when it sends too much, or no line in time', async () => {
    const clock = new ManualClock();
    const command = await startCommand(clock);
    try {
      const flood = connect(command.socketPath);
      flood.on('error', () => undefined);
      flood.write('x'.repeat(MAX_REQUEST_BYTES + 1));
      await once(flood, 'close');
      const silent = connect(command.socketPath);
      await expect.poll(() => clock.pending).toBe(1);
      clock.advance(LINE_TIMEOUT_MS);
      silent.resume();
      await once(silent, 'close');
      const odd = connect(command.socketPath);
      odd.write('{"command":"dance"}\n');
      const [answer] = (await once(odd, 'data')) as [Buffer];
      expect(parseReply(answer.toString())).toMatchObject({ exitCode: 2 });
    } finally {
      await command.stop();
    }
  });

  test('stands in front of a default PATH when the agent has none', async () => {
    const command = await startCommand(systemClock);
    expect(command.env.PATH).toMatch(/^\/.*\/bin:\/usr\/local\/sbin:/);
    await command.stop();
  });
});

describe('replies', () => {
  const NOW = 1_700_000_000_000;
  const expiry = {
    clients: 2,
    deadline: NOW + 600_000,
    remainingMs: 600_000,
    lastDeadline: NOW + 20_000_000,
    isHeld: true,
    heldBy: 'file',
    cause: 'hold',
    isCapped: false,
    isRelayFirst: false,
    isJobRunning: false,
  } as const;

  test('tell what has become of a hold', () => {
    const until = 'held until 22:23 UTC (in 10 minutes)';
    expect(holdReply({ kind: 'held', expiry }, NOW)).toEqual({
      exitCode: 0,
      text: `${until}, also when everybody leaves`,
    });
    // A file server took its time to write it.
    expect(holdReply({ kind: 'held', expiry: { ...expiry, remainingMs: 598_600 } }, NOW).text).toContain(
      until,
    );
    expect(holdReply({ kind: 'kept', expiry }, NOW).text).toBe(
      `${until} already, also when everybody leaves: a hold is never shortened\nlet go first: converge release`,
    );
    expect(
      holdReply({ kind: 'in_memory', fault: 'EROFS', expiry: { ...expiry, isCapped: true } }, NOW).text,
    ).toBe(
      [
        `${until}, also when everybody leaves`,
        '.hold cannot be written (EROFS): the agent holds without it',
        'let go by `converge release`',
        'the longest lifetime ends it then: it cannot be held for longer',
      ].join('\n'),
    );
    expect(holdReply({ kind: 'ended' }, NOW).exitCode).toBe(1);
  });

  test('tell what has become of a release', () => {
    const then = 'ends when the last client leaves, or at 22:23 UTC (in 10 minutes)';
    expect(releaseReply({ kind: 'released' }, expiry, NOW).text).toBe(`released: ${then}`);
    expect(releaseReply({ kind: 'not_held' }, expiry, NOW).text).toBe(`it was not held: ${then}`);
    expect(releaseReply({ kind: 'released' }, undefined, NOW).text).toBe('released: the agent ends now');
    expect(releaseReply({ kind: 'file_stays', fault: 'EROFS' }, expiry, NOW).text).toBe(
      `released: ${then}\n.hold cannot be removed, and holds no more until it is touched (EROFS)`,
    );
  });

  test('tell what has become of the password', () => {
    expect(passwordReply({ kind: 'on', failures: 0 }).text).toBe('password on, after 0 of 100 wrong ones');
    expect(passwordReply({ kind: 'off', reason: 'asked', failures: 2 }).text).toBe(
      'password off: nobody else gets in until `converge password on`',
    );
    expect(passwordReply({ kind: 'off', reason: 'too_many_failures', failures: 100 }).text).toBe(
      'password off after 100 wrong ones: nobody else gets in until `converge password on`',
    );
    expect(passwordReply(undefined)).toEqual({
      exitCode: 1,
      text: 'converge: this agent takes keys only, there is no password',
    });
  });
});
