// Programs on channels: their bytes, their descriptors, and what their client can tell them and they their client.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startPipeProgram } from '../../../services/agent/ssh/program/pipe-program.ts';
import { startTerminalProgram } from '../../../services/agent/ssh/program/terminal-program.ts';
import { FakeChannel, programOn } from '../../support/ssh/fake-channel.ts';
import { until } from '../../support/time/poll.ts';

let folder: string;
let channel: FakeChannel;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'converge-program-'));
  channel = new FakeChannel();
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a command and variables that are no text reach the program unchanged', async () => {
  const command = Buffer.concat([
    Buffer.from("printf %s 'caf\xe9' | od -An -tx1; ", 'latin1'),
    Buffer.from('printf %s "$NAME" | od -An -tx1'),
  ]);
  const env = new Map<string, string | Buffer>([
    ['PATH', '/usr/bin:/bin'],
    ['NAME', Buffer.of(0xff, 0xfe, 0x41)],
  ]);
  startPipeProgram(programOn(channel, { command, env }));
  await channel.finished;
  expect(channel.stdoutText).toBe(' 63 61 66 e9\n ff fe 41\n');
});

test('a program whose reader has left gets SIGPIPE, and what it says to stderr still arrives', async () => {
  const program = startPipeProgram(programOn(channel, { command: Buffer.from('yes; echo $? >&2; exit 4') }));
  await until('it writes', () => channel.stdoutText.length > 0);
  program.readerLeft();
  await channel.finished;
  expect({ code: channel.exitCode, stderr: channel.stderrText }).toEqual({ code: 4, stderr: '141\n' });
});

test('a program that takes no more input says so once, and what still comes is thrown away', async () => {
  const go = path.join(folder, 'go');
  const command = `exec <&-; echo ready; until test -e ${go}; do sleep 0.05; done; exit 3`;
  let closed = 0;
  startPipeProgram(
    programOn(channel, {
      command: Buffer.from(command),
      onInputClosed() {
        closed += 1;
      },
    }),
  );
  await until('its input is closed', () => channel.stdoutText === 'ready\n');
  expect(closed).toBe(0);
  for (let chunk = 0; chunk < 100; chunk++) channel.push(Buffer.alloc(65_536));
  await until('it is told', () => closed > 0);
  await until('all is thrown away', () => channel.readableLength === 0);
  writeFileSync(go, '');
  await channel.finished;
  expect({ closed, code: channel.exitCode }).toEqual({ closed: 1, code: 3 });
});

test('an end of input that came from the client is not told', async () => {
  let closed = 0;
  startPipeProgram(
    programOn(channel, {
      command: Buffer.from('cat'),
      onInputClosed() {
        closed += 1;
      },
    }),
  );
  channel.push('hello\n');
  channel.push(null);
  await channel.finished;
  expect({ closed, text: channel.stdoutText, code: channel.exitCode }).toEqual({
    closed: 0,
    text: 'hello\n',
    code: 0,
  });
});

test('a client that is gone closes the pipes: the rest of its input arrives, then its end, and SIGPIPE', async () => {
  const status = path.join(folder, 'status');
  const command = `trap 'echo hung up >${status}' HUP; wc -c >${folder}/count; sh -c 'echo more'; echo $? >${status}`;
  const program = startPipeProgram(programOn(channel, { command: Buffer.from(command) }));
  channel.push(Buffer.alloc(300_000));
  channel.push(null);
  program.hangUp();
  program.hangUp();
  await until('it is through', () => existsSync(status) && readText(status) !== '');
  expect({ count: readText(`${folder}/count`), status: readText(status) }).toEqual({
    count: '300000',
    status: '141',
  });
});

test('the end of the agent hangs up a program without a terminal', async () => {
  const command = "trap 'echo hung up >hung-up; exit' HUP; echo ready; while :; do sleep 0.05; done";
  const program = startPipeProgram(programOn(channel, { command: Buffer.from(command), cwd: folder }));
  await until('it runs', () => channel.stdoutText === 'ready\n');
  program.close('farewell');
  await channel.finished;
  await until('it was told', () => existsSync(path.join(folder, 'hung-up')));
  expect(channel.stdoutText).toBe('ready\n');
});

test.each([
  ['/nonexistent/shell', 'no such file or directory'],
  ['/tmp', 'permission denied'],
  ['/etc/passwd', 'permission denied'],
])('a shell that cannot be run (%s) is told, and no program has run', async (shell, reason) => {
  const piped = startPipeProgram(programOn(channel, { shell }));
  await channel.finished;
  expect(piped.hasStarted).toBe(false);
  expect({ code: channel.exitCode, stderr: channel.stderrText }).toEqual({
    code: 127,
    stderr: `converge: cannot run ${shell}: ${reason}\n`,
  });

  const screen = new FakeChannel();
  const size = { columns: 80, rows: 24 };
  const onTerminal = startTerminalProgram({ ...programOn(screen, { shell }), size, greeting: 'welcome\n' });
  await screen.finished;
  expect(onTerminal.hasStarted).toBe(false);
  expect({ code: screen.exitCode, text: screen.stdoutText }).toEqual({
    code: 127,
    text: `welcome\r\nconverge: cannot run ${shell}: ${reason}\r\n`,
  });
});

test('a program that ran has started, however it ended', async () => {
  const program = startPipeProgram(programOn(channel, { command: Buffer.from('exit 127') }));
  await channel.finished;
  expect({ hasStarted: program.hasStarted, code: channel.exitCode }).toEqual({ hasStarted: true, code: 127 });
});

function readText(file: string): string {
  return readFileSync(file, 'utf8').trim();
}
