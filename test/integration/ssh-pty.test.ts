// The pty by itself: exits, the last output, full lines, hanging up.
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { openPty, type Pty } from '../../services/agent/pty/pty.ts';
import { CLIENT_ENV } from '../support/ssh-host.ts';
import { until } from '../support/ssh-terminal.ts';

let ptys: Pty[] = [];

afterEach(() => {
  for (const pty of ptys) pty.hangUp();
  ptys = [];
});

interface Opened {
  readonly pty: Pty;
  readonly output: () => string;
  readonly drains: () => number;
}

const env = () => new Map(Object.entries(CLIENT_ENV));

function run(script: string, onData?: (pty: Pty) => void): Opened {
  let output = '';
  let drains = 0;
  const pty: Pty = openPty(
    { file: '/bin/sh', argv: ['sh', '-c', script], env, cwd: '/tmp', columns: 90, rows: 20 },
    {
      data(chunk) {
        output += chunk.toString();
        onData?.(pty);
      },
      drained() {
        drains++;
      },
    },
  );
  ptys.push(pty);
  return { pty, output: () => output, drains: () => drains };
}

test('a program has its directory, its size and its terminal, and its code is told after its output', async () => {
  const { pty, output } = run('pwd; stty size; tty; exit 6');
  expect(await pty.exited).toEqual({ kind: 'code', code: 6 });
  expect(output()).toMatch(/^\/tmp\r\n20 90\r\n\/dev\/pts\/\d+\r\n$/);
});

test('a program that dies of a signal is told by its name', async () => {
  const { pty } = run('sleep 100');
  pty.kill('SIGUSR2');
  expect(await pty.exited).toEqual({ kind: 'signal', signal: constants.signals.SIGUSR2, coreDumped: false });
});

test('what a program wrote before its exit is delivered although reading was paused at that time', async () => {
  let paused = false;
  const { pty, output } = run('seq 1000; exit 3', (self) => {
    if (paused) return;
    paused = true;
    self.pause();
  });
  await until('the program is gone', () => !existsSync(`/proc/${pty.pid}`));
  pty.resume();
  expect(await pty.exited).toEqual({ kind: 'code', code: 3 });
  expect(output().endsWith('999\r\n1000\r\n')).toBe(true);
});

test('a background job that holds the terminal and keeps talking does not delay the exit', async () => {
  const { pty } = run("trap '' HUP; (while echo noise; do :; done) & echo $!; exit 4");
  expect(await pty.exited).toEqual({ kind: 'code', code: 4 });
});

test('a line that nobody reads takes what it can, says stop, and lets go when it is hung up', async () => {
  const { pty, output, drains } = run('stty raw -echo; echo ready; exec sleep 100');
  await until('the line is raw', () => output().includes('ready'));
  let taken = true;
  for (let chunk = 0; chunk < 10 && taken; chunk++) taken = pty.write(Buffer.alloc(32_768, 'x'));
  expect(taken).toBe(false);
  pty.hangUp();
  pty.hangUp();
  expect(drains()).toBe(1);
  expect(await pty.exited).toMatchObject({ kind: 'signal', signal: constants.signals.SIGHUP });
  expect(pty.write(Buffer.from('x'))).toBe(true);
  pty.resize(10, 10);
});

test('a program that cannot be executed is an error that says why, and nothing has run', () => {
  const attempt = (file: string) => () => {
    openPty({ file, argv: ['it'], env, cwd: '/', columns: 80, rows: 24 }, { data() {}, drained() {} });
  };
  expect(attempt('/nonexistent')).toThrow('cannot run /nonexistent: no such file or directory');
  expect(attempt('/tmp')).toThrow('cannot run /tmp: permission denied');
});
