// Who is in and what they do, what only shells are told, and when output is activity: through Debian's ssh.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Occupation } from '../../../services/agent/ssh/occupation.ts';
import { type HostOptions, type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { openTerminal, type Terminal } from '../../support/ssh/ssh-terminal.ts';
import { until } from '../../support/time/poll.ts';

const HOST = 'abc@127.0.0.1';
const PROMPT = /[$#] /;
const NOTHING: Occupation = { shells: 0, commands: 0, fileTransfers: 0, forwards: 0 };

let host: SshHost;
let terminals: Terminal[] = [];

afterEach(async () => {
  for (const terminal of terminals.splice(0)) terminal.close();
  await host.stop();
});

async function open(options: HostOptions = {}): Promise<void> {
  host = await startSshHost(options);
}

function ssh(...args: string[]): Terminal {
  const terminal = openTerminal('ssh', [...host.clientOptions, '-tt', ...args]);
  terminals.push(terminal);
  return terminal;
}

async function untilDoing(wanted: Partial<Occupation>[]): Promise<void> {
  await until(`they do ${JSON.stringify(wanted)}`, () => {
    const doing = host.server.clients().map(({ occupation }) => occupation);
    return JSON.stringify(doing) === JSON.stringify(wanted.map((each) => ({ ...NOTHING, ...each })));
  });
}

describe('a client that is logged in', () => {
  test('is there with what it does, and without it when that is over', async () => {
    await open();
    const shell = ssh(HOST);
    await shell.see(PROMPT);
    await untilDoing([{ shells: 1 }]);
    const exec = host.start([HOST, 'cat']);
    await untilDoing([{ shells: 1 }, { commands: 1 }]);
    const sftp = host.start(['-s', HOST, 'sftp']);
    await untilDoing([{ shells: 1 }, { commands: 1 }, { fileTransfers: 1 }]);
    sftp.stdin?.end();
    exec.stdin?.end();
    await untilDoing([{ shells: 1 }]);
    shell.type('exit\r');
    await untilDoing([]);
  });

  test('counts what is forwarded for it: a port that is listened on, and a stream', async () => {
    await open();
    const target = createServer((socket) => socket.pipe(socket));
    target.listen(0, '127.0.0.1');
    await until('it listens', () => target.listening);
    const { port } = target.address() as { port: number };
    const listening = host.start(['-N', '-R', '0:127.0.0.1:9', HOST]);
    await untilDoing([{ forwards: 1 }]);
    const streaming = host.start(['-W', `127.0.0.1:${port}`, HOST]);
    await untilDoing([{ forwards: 1 }, { forwards: 1 }]);
    streaming.stdin?.end();
    await untilDoing([{ forwards: 1 }]);
    listening.kill();
    await untilDoing([]);
    target.close();
  });
});

test('what shells are told reaches every shell, and no command, on a terminal or not', async () => {
  await open();
  const shells = [ssh(HOST), ssh(HOST)];
  for (const shell of shells) await shell.see(PROMPT);
  const command = ssh(HOST, 'read line; echo "it was $line"');
  const exec = host.start([HOST, 'cat']);
  let piped = '';
  exec.stdout?.setEncoding('utf8').on('data', (text: string) => {
    piped += text;
  });
  await until('both commands run', () => {
    const commands = host.server.clients().map(({ occupation }) => occupation.commands);
    return commands.filter((count) => count > 0).length === 2;
  });
  host.server.notifyShells('somebody joined');
  for (const shell of shells) await shell.see(/\r\nsomebody joined\r\n/);
  command.type('typed\r');
  await command.see(/it was typed\r\n/);
  expect(command.screen()).not.toContain('somebody');
  exec.stdin?.end('the end\n');
  await until('it has said all', () => piped.includes('the end\n'));
  expect(piped).toBe('the end\n');
});

describe('output on a terminal', () => {
  /** Makes a pipe that `cat` waits at; `say` has it show a text, and tells how often that was activity. */
  async function makePipe(options: HostOptions) {
    await open(options);
    const pipe = join(host.folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    async function say(text: string, terminal: Terminal): Promise<number> {
      const before = host.activity.count;
      await writeFile(pipe, text);
      await terminal.see(new RegExp(text.trim()));
      return host.activity.count - before;
    }
    return { pipe, say };
  }

  /** A shell that has been given this line, whose keys have all been counted. */
  async function typed(line: string): Promise<Terminal> {
    const shell = ssh(HOST);
    await shell.see(PROMPT);
    shell.type(`${line}; echo af""ter\r`);
    await shell.see(/af""ter\r\n/);
    return shell;
  }

  test('is activity where it is asked for, of a command in the foreground', async () => {
    const { pipe, say } = await makePipe({ countsOutput: true });
    expect(await say('from the command\n', await typed(`cat ${pipe}`))).toBeGreaterThan(0);
  });

  test('is none where it is not asked for', async () => {
    const { pipe, say } = await makePipe({});
    expect(await say('from the command\n', await typed(`cat ${pipe}`))).toBe(0);
  });

  test('is none of what runs in the background, while the shell waits for somebody to type', async () => {
    const { pipe, say } = await makePipe({ countsOutput: true });
    const shell = await typed(`(cat ${pipe} &)`);
    await shell.see(/after\r\n/);
    await shell.see(PROMPT);
    expect(await say('from behind\n', shell)).toBe(0);
  });

  test('is activity of a command that has the terminal to itself', async () => {
    const { pipe, say } = await makePipe({ countsOutput: true });
    const command = ssh(HOST, `cat ${pipe}`);
    await untilDoing([{ commands: 1 }]);
    expect(await say('from the command\n', command)).toBeGreaterThan(0);
  });
});
