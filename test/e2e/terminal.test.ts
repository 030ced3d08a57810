// A person at a terminal in the job: keys, screen, the `converge` command, and the warnings before the end.
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { E2eAgent } from '../support/laptop/job.ts';
import { makeKey, openWay, type Secret, type Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';
import type { Terminal } from '../support/ssh/ssh-terminal.ts';

/** Debian's bashrc ends the prompt of root with another sign. */
const PROMPT = /[$#] $/;
/** Says when it is in the foreground: a key that is sooner there stops nothing. */
const LONG_COMMAND = "sh -c 'echo begun; exec sleep 1000'";
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_Z = '\x1a';

const world = useWorld(['top', 'vim']);
let key: Secret & { kind: 'key' };

beforeAll(async () => {
  key = await makeKey(world);
});

async function startJob(held: boolean, ...args: string[]): Promise<{ agent: E2eAgent; way: Way }> {
  return openJob(world, { key, args, held });
}

async function openShell(way: Way): Promise<Terminal> {
  const shell = way.openTerminal();
  await shell.see(PROMPT);
  return shell;
}

/** Types a command and waits for the prompt after its output. */
async function enter(shell: Terminal, command: string, output: RegExp): Promise<RegExpExecArray> {
  shell.type(`${command}\r`);
  const seen = await shell.see(output);
  await shell.see(PROMPT);
  return seen;
}

test('a shell greets, prompts, knows its window, runs what people run, and passes its exit code on', async () => {
  const { way, agent } = await startJob(true);
  const shell = way.openTerminal();
  await shell.see(/^converge: you are inside a running job\.\r\n/);
  await shell.see(/held +also after everybody leaves\r\n/);
  await shell.see(/converge status \| hold 2h \| release \| continue \| fail \| end\r\n/);
  await shell.see(PROMPT);
  await enter(shell, 'pwd', new RegExp(`\r${agent.job}\r\n`));
  await enter(shell, 'stty size', /\r30 100\r\n/);
  shell.resize(132, 50);
  // bash (on a bare pty too) can lose keys that come together with the signal; a person sees the prompt drawn again first.
  await shell.see(PROMPT);
  await enter(shell, 'stty size', /\r50 132\r\n/);

  shell.type('top\r');
  await shell.see(/Tasks:/);
  await shell.see(/ PID /);
  shell.type('q');
  await shell.see(PROMPT);
  shell.type('vim -u NONE -n notes\r');
  await shell.see(/\[\?1049h/);
  shell.type('ihello\x1b:wq\r');
  await shell.see(/\[\?1049l/);
  await shell.see(PROMPT);
  await enter(shell, 'cat notes', /\rhello\r\n/);

  shell.type(`${LONG_COMMAND}\r`);
  await shell.see(/\rbegun\r\n/);
  shell.type(CTRL_C);
  await shell.see(/\^C/);
  await shell.see(PROMPT);
  shell.type(`${LONG_COMMAND}\r`);
  await shell.see(/\rbegun\r\n/);
  shell.type(CTRL_Z);
  await shell.see(/Stopped/);
  await shell.see(PROMPT);
  await enter(shell, 'bg', /sleep 1000' &/);
  await enter(shell, 'jobs', /Running +sh -c 'echo begun; exec sleep 1000'/);
  await enter(shell, 'kill %1; wait %1; echo "code $?"', /code 143\r\n/);
  await enter(shell, 'seq 100000 | tail -1', /\r100000\r\n/);

  shell.type('echo begun; cat\r');
  await shell.see(/\rbegun\r\n/);
  shell.type('good day\r');
  await shell.see(/good day\r\ngood day\r\n/);
  shell.type(CTRL_D);
  await shell.see(PROMPT);
  shell.type('exit 7\r');
  expect(await shell.exited).toEqual({ kind: 'code', code: 7 });
});

test('the converge command tells, holds, releases and ends', async () => {
  const { agent, way } = await startJob(false, '--timeout', '20m', '--max-lifetime', '3h');
  const shell = await openShell(way);
  const status = await enter(shell, 'converge status', /id {7}(\S+)\r\n.*never after [^\r]*\r\n/s);
  expect(status[1]).toBe(agent.id);
  expect(status[0]).toContain(`${world.relay.url} (connected)`);
  expect(status[0]).toContain('clients  1 logged in');
  expect(status[0]).toMatch(/ abc from 127\.0\.0\.1 since .*: 1 shell\r\n +by key SHA256:/);
  expect(status[0]).toMatch(/ends .*, counted from the last activity\r\n/);
  expect(status[0]).toContain('none: ends when the last client leaves');
  await enter(shell, 'converge hold 1h', /held until .*\(in 1 hour\), also when everybody leaves\r\n/);
  await agent.process.see(/held by \.hold until .*\(1 hour\)/);
  await enter(shell, 'converge status', /held by \.hold/);
  await enter(shell, 'ls -a', /\.hold\r\n/);
  await enter(shell, 'converge hold 30m', /held until .* already, .*a hold is never shortened\r\n/);
  await enter(shell, 'converge hold 9h', /the longest lifetime/);
  await enter(shell, 'converge release', /released: ends when the last client leaves/);
  await enter(shell, 'converge hold soon; echo "code $?"', /"soon" is not a duration.*code 2\r\n/s);
  shell.type('converge end\r');
  await shell.see(/this session ends now: a client asked for it/);
  expect(await shell.exited).toEqual({ kind: 'code', code: 255 });
  expect(await agent.process.exited).toEqual({ code: 0, signal: null });
  expect(agent.process.stdout).toMatch(/ended: a client asked for it \(converge end\)\n$/);
});

test('warnings and the farewell are shown in terminals, and nowhere else', async () => {
  // Held for minutes, until all are in.
  const { agent, way } = await startJob(true, '--timeout', '12s');
  await writeFile(join(agent.job, 'report'), 'fine');
  const sftp = way.laptop.start(way.command('sftp', '-q', way.host));
  const command = way.startSsh([way.host, 'echo started; cat']);
  await command.see(/started/);
  sftp.child.stdin?.write('ls\n');
  await sftp.see(/report/);
  const shell = await openShell(way);
  const now = Date.now() / 1_000;
  await utimes(join(agent.job, '.hold'), now, now);

  // What is left when it is said, which is less where the machine stood still.
  await shell.see(/\r\nconverge: this session ends in (10|[1-9]) seconds?; `converge hold 1h` keeps it\r\n/);
  await shell.see(/\r\nconverge: this session ends now: the deadline was reached\r\n/);
  expect((await shell.exited).kind).toBe('code');
  expect((await agent.process.exited).code).toBe(0);
  expect(agent.process.stdout).toMatch(/ended: the deadline was reached\n$/);

  sftp.child.stdin?.end();
  await Promise.all([sftp.exited, command.exited]);
  expect(command.stdout).toBe('started\n');
  expect(`${command.stderr}${sftp.stdout}${sftp.stderr}`).not.toContain('converge');
});

test('who joins and who leaves is told to those who are in, in their shells', async () => {
  const { agent, way } = await startJob(true);
  const shell = await openShell(way);
  const other = await makeKey(world);
  await enter(
    shell,
    `converge allow '${(await readFile(`${other.file}.pub`, 'utf8')).trim()}'`,
    /may enter, until the end/,
  );
  const second = await openWay(world, agent, other);
  const visitor = await openShell(second);
  await shell.see(/converge: abc joined from 127\.0\.0\.1 with key SHA256:\S{12}…/);
  visitor.type('exit\r');
  await visitor.exited;
  await shell.see(/converge: abc from 127\.0\.0\.1 left\r\n/);
});
