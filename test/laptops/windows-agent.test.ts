// The agent on Windows, as far as Wine is Windows: Linux' own ssh and sftp in jobs whose programs are cmd and Windows' Node 22.
//
// Wine gives a program in a pseudo console no handles of it (it has `STARTF_USESTDHANDLES` and none there, for which Windows
// puts in those of the console), so programs on a terminal open it by its name here. Its taskkill knows no trees.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleProgram } from '../../deploy/build/program-bundle.ts';
import { PLATFORM_RULES } from '../contract/platform-contract.ts';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import type { E2eAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Way } from '../support/laptop/laptop.ts';
import { makeWindowsAgent, startWindowsAgent } from '../support/laptop/windows-job.ts';
import { SYSTEM_PATH, useWorld } from '../support/laptop/world.ts';
import { openWine, type Wine, windowsPath } from '../support/machine/wine.ts';
import { listening } from '../support/network/ports.ts';
import { until } from '../support/time/poll.ts';

const MB = 1_000_000;

const world = useWorld(['wine']);
let wine: Wine;
let key: Awaited<ReturnType<typeof makeKey>>;
let program: string;
let agent: E2eAgent;
let way: Way;
let node: string;

beforeAll(async () => {
  wine = await openWine(await world.makeFolder('wine'), SYSTEM_PATH);
  node = `"${windowsPath(wine.node)}"`;
  key = await makeKey(world);
  program = await makeWindowsAgent(world, wine);
  agent = await startWindowsAgent(world, wine, { program, args: keyArgs(), held: true });
  way = await openWay(world, agent, key);
});

afterAll(async () => {
  await wine.stop();
});

function keyArgs(): string[] {
  return ['--authorized-keys', windowsPath(`${key.file}.pub`)];
}

/** A command for cmd that runs a script, with words behind. */
async function script(name: string, text: string): Promise<string> {
  await writeFile(join(agent.job, name), text);
  return `${node} ${name}`;
}

test('its platform keeps the contract', async () => {
  const entry = 'test/laptops/platform-program.ts';
  const rules = windowsPath(await bundleProgram({ name: 'platform-program', entry, addons: [] }));
  const folder = await world.makeFolder('rules');
  const command = wine.command(join(folder, 'said'), wine.node, rules);
  const started = world.start('platform program', command, { cwd: folder, env: wine.env });
  await started.exited;
  expect(started.stdout.trim().split('\n')).toEqual([
    'platform win32',
    ...PLATFORM_RULES.map(({ name }) => `ok ${name}`),
  ]);
});

describe('a command', () => {
  test('has two outputs and a code', async () => {
    const outcome = await way.ssh([way.host, 'echo out& echo err 1>&2& exit 7']);
    expect(outcome).toEqual({ code: 7, stdout: 'out\r\n', stderr: 'err \r\n' });
  });

  test('gets words in quotes as they are, and its input to the end', async () => {
    const talker = await script(
      'talker.cjs',
      'console.log(JSON.stringify(process.argv.slice(2))); process.stdin.pipe(process.stdout)',
    );
    const { code, stdout } = await way.ssh([way.host, `${talker} "a b" c^&d ü`], {
      input: 'in\n'.repeat(30_000),
    });
    expect(code).toBe(0);
    expect(stdout).toBe(`["a b","c&d","ü"]\n${'in\n'.repeat(30_000)}`);
  });

  test('has the job around it, and who has come', async () => {
    const { stdout } = await way.ssh([way.host, 'cd& set']);
    expect(stdout.split('\r\n')[0]).toBe(windowsPath(agent.job));
    expect(stdout).toMatch(/^SSH_CONNECTION=\S+ 0 127\.0\.0\.1 22\r$/m);
    expect(stdout).toMatch(/^SHELL=C:\\windows\\system32\\cmd\.exe\r$/m);
    expect(stdout.match(/^path=/gim)).toHaveLength(1);
  });

  test('that is not there is told by cmd, a shell that is not there by the agent', async () => {
    expect(await way.ssh([way.host, 'not-a-program'])).toMatchObject({
      code: expect.any(Number),
      stdout: '',
    });
    const other = await startWindowsAgent(world, wine, {
      program,
      args: keyArgs(),
      shell: 'fish',
      held: true,
    });
    const there = await openWay(world, other, key);
    const { code, stderr } = await there.ssh([there.host, 'echo']);
    expect({ code, stderr }).toEqual({ code: 127, stderr: 'converge: cannot run fish: no such file\n' });
  });
});

describe('files', () => {
  test('go there and come back by sftp, and by scp', async () => {
    const file = join(way.laptop.folder, 'file');
    await makeBytes(file, 20 * MB);
    expect((await way.sftp(['put file', 'get file back'], ['-q'])).code).toBe(0);
    expect(await hashOf(join(agent.job, 'file'))).toBe(await hashOf(file));
    expect(await hashOf(join(way.laptop.folder, 'back'))).toBe(await hashOf(file));
    expect((await way.scp(['-q', file, `${way.host}:by-scp`])).code).toBe(0);
    expect(await hashOf(join(agent.job, 'by-scp'))).toBe(await hashOf(file));
  });

  test('lie on drives, which lie in /', async () => {
    const shown = `/Z:${agent.job}`;
    await mkdir(join(agent.job, 'grün'));
    const { code, stdout, stderr } = await way.sftp([
      'pwd',
      'ls -1 /',
      'cd C:/',
      'pwd',
      `cd ${shown}/grün`,
      'pwd',
      'cd /',
      'pwd',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').filter((line) => !line.startsWith('sftp>') && line !== '');
    const pwd = (path: string): string => `Remote working directory: ${path}`;
    expect(lines).toEqual([pwd(shown), '/C:', '/Z:', pwd('/C:/'), pwd(`${shown}/grün`), pwd('/')]);
  });

  test('have names and attributes that POSIX has, and long paths', async () => {
    const deep = ['d', 'e', 'f'].map((letter) => letter.repeat(100)).join('/');
    await mkdir(join(agent.job, deep), { recursive: true });
    await writeFile(join(way.laptop.folder, 'small'), 'content');
    const commands = [
      `put small "${deep}/ü b"`,
      `chmod 444 "${deep}/ü b"`,
      `ls -l ${deep}`,
      `chmod 644 "${deep}/ü b"`,
      `rename "${deep}/ü b" moved`,
      'ls -l moved',
    ];
    const { code, stdout } = await way.sftp(commands);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^-r--r--r-- .* 7 .*\/ü b$/m);
    expect(stdout).toMatch(/^-rw-r--r-- .* 7 .* moved$/m);
    expect(await readFile(join(agent.job, 'moved'), 'utf8')).toBe('content');
  });

  test.each([
    ['put small a:b', 'a:b'],
    ['put small con.txt', 'con.txt'],
    ['ls nothing', 'nothing'],
    ['chown 5 moved', 'Operation unsupported'],
  ])('%s ends in a sentence', async (command, words) => {
    const { code, stderr } = await way.sftp([command]);
    expect(code).toBe(1);
    expect(stderr).toContain(words);
  });
});

describe('`converge`', () => {
  test('answers by its pipe, in cmd', async () => {
    const { code, stdout } = await way.ssh([way.host, 'converge status']);
    expect(code).toBe(0);
    expect(stdout).toContain(`id       ${agent.id}\n`);
    expect(stdout).toContain('held by .hold');
    expect(await way.ssh([way.host, 'converge nonsense'])).toMatchObject({ code: 2 });
  });

  test('and the words of the greeting hold and let go', async () => {
    const { stdout } = await way.ssh([way.host, 'converge help']);
    const words = [...stdout.matchAll(/the same as: (.*)$/gm)].map(([, found]) => found);
    expect(words).toEqual(['echo x>.hold', 'del .hold']);
    const keep = way.startSsh([way.host, await script('stay.cjs', 'setInterval(() => {}, 1000)')]);
    await way.ssh([way.host, 'del .hold']);
    expect((await way.ssh([way.host, 'converge status'])).stdout).toContain('hold     none');
    await way.ssh([way.host, 'echo x>.hold']);
    expect((await way.ssh([way.host, 'converge status'])).stdout).toContain('held by .hold');
    await way.ssh([way.host, 'converge release']);
    await expect(stat(join(agent.job, '.hold'))).rejects.toThrow('ENOENT');
    await way.ssh([way.host, 'converge hold 5m']);
    await stat(join(agent.job, '.hold'));
    keep.kill('SIGTERM');
    await keep.exited;
  });
});

test('a terminal: keys, the screen, a second size, `converge`, and the code of the shell', async () => {
  const terminal = way.laptop.openTerminal(way.command('ssh', '-t', way.host, 'cmd.exe <CON >CON'));
  await terminal.see(/>/);
  terminal.type('echo 6^*7 ü\r');
  await terminal.see(/[\r\n]\S*6\*7/);
  terminal.resize(120, 40);
  terminal.type('converge status\r');
  await terminal.see(new RegExp(`id +${agent.id}`));
  terminal.type('exit 5\r');
  expect(await terminal.exited).toEqual({ kind: 'code', code: 5 });
});

/** Those who have connected, in the order in which they came. */
function connections(server: Server): Socket[] {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
  });
  return sockets;
}

describe('what runs in a session', () => {
  let family: string;
  let server: Awaited<ReturnType<typeof listening>>;
  let everybody: Socket[];
  let met = 0;

  beforeAll(async () => {
    const listener = createServer();
    everybody = connections(listener);
    server = await listening(listener);
    // It and a child of its own are connected for as long as they live.
    family = await script(
      'family.cjs',
      `require('node:net').connect(${server.port}, '127.0.0.1');
       if (process.argv[2] === undefined) {
         require('node:child_process').spawn(process.execPath, [__filename, 'child'], { stdio: 'ignore' });
       }
       setInterval(() => {}, 1000);`,
    );
  });

  afterAll(async () => {
    for (const socket of everybody) socket.destroy();
    await server[Symbol.asyncDispose]();
  });

  async function started(): Promise<Socket[]> {
    await until('both to be alive', () => everybody.length === met + 2);
    met += 2;
    return everybody.slice(-2);
  }

  async function gone(sockets: readonly Socket[]): Promise<void> {
    for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
  }

  test('goes as a whole with the client', async () => {
    const client = way.startSsh([way.host, family]);
    const sockets = await started();
    client.kill('SIGTERM');
    await gone(sockets);
  });

  test('goes as a whole with the terminal', async () => {
    const terminal = way.laptop.openTerminal(way.command('ssh', '-t', way.host, family));
    const sockets = await started();
    terminal.close();
    await gone(sockets);
  });

  test('goes as a whole with the agent, whose time is over', async () => {
    const other = await startWindowsAgent(world, wine, {
      program,
      args: [...keyArgs(), '--timeout', '8s', '--max-lifetime', '8s'],
    });
    const there = await openWay(world, other, key);
    const client = there.startSsh([there.host, `cd /d ${windowsPath(agent.job)}& ${family}`]);
    const sockets = await started();
    await gone(sockets);
    expect((await other.process.exited).code).toBe(0);
    expect(other.process.stdout).toMatch(/ended: /);
    await client.exited;
  });
});

test('the ssh-agent of a person is there by a pipe', async () => {
  const folder = await world.makeFolder('ssh-agent');
  const address = join(folder, 'socket');
  const sshAgent = spawn('ssh-agent', ['-D', '-a', address], { stdio: 'ignore' });
  try {
    await until('an ssh-agent', () =>
      stat(address).then(
        () => true,
        () => false,
      ),
    );
    await way.laptop.run(['ssh-add', '-q', key.file], { env: { SSH_AUTH_SOCK: address } });
    const asker = await script(
      'asker.cjs',
      `const socket = require('node:net').connect(process.env.SSH_AUTH_SOCK, () => socket.write(Buffer.of(0, 0, 0, 1, 11)));
       socket.once('data', (reply) => { console.log(reply[4], reply.includes('ed25519 key')); process.exit(); });`,
    );
    const { stdout } = await way.ssh(['-A', way.host, asker], { env: { SSH_AUTH_SOCK: address } });
    expect(stdout).toBe('12 true\n');
  } finally {
    sshAgent.kill();
  }
});

test('a port of the job is reached through it', async () => {
  await using echo = await listening(createServer((socket) => socket.end('from the job')));
  expect((await way.ssh(['-W', `127.0.0.1:${echo.port}`, way.host])).stdout).toBe('from the job');
});
