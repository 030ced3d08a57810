// Terminals of Windows above the addon: what it is asked for, the last screen, hanging up, and what cannot be started.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TerminalLaunch, TerminalProcess } from '../../../../services/agent/platform/programs.ts';
import { openConpty } from '../../../../services/agent/platform/windows/conpty.ts';
import type { TreeRoot } from '../../../../services/agent/platform/windows/process-tree.ts';
import { FakeConpty } from '../../../support/agent/fake-conpty.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

/** Any file that is there. */
const FILE = process.execPath;
const QUIET_MS = 250;

let fake: FakeConpty;
let clock: ManualClock;
let ended: TreeRoot[];
let screen: string;
let drains: number;

beforeEach(() => {
  fake = new FakeConpty();
  clock = new ManualClock();
  ended = [];
  screen = '';
  drains = 0;
});

afterEach(() => {
  fake[Symbol.dispose]();
});

function open(launch: Partial<TerminalLaunch> = {}): TerminalProcess {
  return openConpty(
    {
      addon: fake.addon,
      endTree: (root) => {
        ended.push(root);
      },
      pipeName: () => 'name-1',
    },
    {
      file: FILE,
      argv: ['"C:\\x y.exe"', '/c', '"a b"'],
      env: (terminal) =>
        new Map([
          ['TERM', 'xterm'],
          ['SSH_TTY', terminal],
          ['Path', 'a'],
          ['PATH', 'b'],
        ]),
      cwd: 'C:\\job',
      columns: 90,
      rows: 20,
      clock,
      ...launch,
    },
    {
      data(chunk) {
        screen += chunk.toString();
      },
      drained() {
        drains++;
      },
    },
  );
}

/** Lets the quiet after an exit pass, and what then still has to be looked at. */
async function passQuiet(): Promise<void> {
  clock.advance(QUIET_MS);
  await turn();
  await turn();
}

test('a program gets a console of the right size, its own line as it is, and variables by one name', async () => {
  const terminal = open();
  expect(terminal.pid).toBe(4_242);
  expect(fake.asked).toEqual([
    { name: 'startProcess', words: [FILE, 90, 20, false, 'name-1', false] },
    {
      name: 'connect',
      words: [7, '"C:\\x y.exe" /c "a b"', 'C:\\job', ['Path=b', 'SSH_TTY=windows-pty', 'TERM=xterm']],
    },
  ]);
  terminal.resize(100, 40);
  terminal.resize(65_535, 65_535);
  expect(fake.asked.slice(2).map(({ words }) => words)).toEqual([
    [7, 100, 40],
    [7, 32_767, 32_767],
  ]);
});

test('what is typed comes to the console, and what it draws to the person', async () => {
  const terminal = open();
  expect(terminal.write(Buffer.from('dür\r'))).toBe(true);
  await fake.draw('C:\\>');
  await until('both', () => fake.typed === 'dür\r' && screen === 'C:\\>');
});

test('a console that takes no more is waited for', async () => {
  const terminal = open();
  let wants = true;
  for (let written = 0; wants && written < 64; written++)
    wants = terminal.write(Buffer.alloc(256 * 1024, 'x'));
  expect(wants).toBe(false);
  await until('room', () => drains > 0);
});

describe('the end of a program', () => {
  test('comes after the last screen, which is drawn later', async () => {
    const terminal = open();
    let end: unknown;
    void terminal.exited.then((value) => {
      end = value;
    });
    fake.exit(6);
    clock.advance(QUIET_MS - 1);
    await fake.draw('last words');
    await until('the last words', () => screen === 'last words');
    clock.advance(QUIET_MS - 1);
    await turn();
    await turn();
    expect(end).toBeUndefined();
    await passQuiet();
    expect(end).toEqual({ kind: 'code', code: 6 });
    await fake.released();
    expect(ended).toEqual([]);
    expect(terminal.write(Buffer.from('more'))).toBe(true);
  });

  test('waits as long as nobody takes the output', async () => {
    const terminal = open();
    let isOver = false;
    void terminal.exited.then(() => {
      isOver = true;
    });
    terminal.pause();
    fake.exit(0);
    await passQuiet();
    await passQuiet();
    expect(isOver).toBe(false);
    terminal.resume();
    await passQuiet();
    expect(isOver).toBe(true);
  });

  test('is not waited for longer where somebody else goes on drawing', async () => {
    const terminal = open();
    fake.exit(0);
    await fake.draw(Buffer.alloc(1024 * 1024 + 1, 'x'));
    expect(await terminal.exited).toEqual({ kind: 'code', code: 0 });
  });

  test('may be known after that of the console', async () => {
    const terminal = open();
    await fake.draw('bye');
    await fake.vanish();
    await until('the words', () => screen === 'bye');
    fake.exit(5);
    await passQuiet();
    expect(await terminal.exited).toEqual({ kind: 'code', code: 5 });
    expect(ended).toEqual([]);
  });

  test('has a code without a sign', async () => {
    const terminal = open();
    fake.exit(-1_073_741_510);
    await passQuiet();
    expect(await terminal.exited).toEqual({ kind: 'code', code: 0xc000013a });
  });
});

describe('hanging up', () => {
  test('ends all that runs there and lets go of the console, once', async () => {
    const terminal = open();
    terminal.hangUp();
    terminal.hangUp();
    expect(ended.map(({ pid, isRunning }) => [pid, isRunning()])).toEqual([[4_242, true]]);
    await fake.released();
    fake.exit(1);
    expect(await terminal.exited).toEqual({ kind: 'code', code: 1 });
    expect(ended[0]?.isRunning()).toBe(false);
  });

  test('ends the wait for the last screen', async () => {
    const terminal = open();
    fake.exit(3);
    terminal.hangUp();
    expect(await terminal.exited).toEqual({ kind: 'code', code: 3 });
    expect(ended).toEqual([]);
  });
});

test('signals: Ctrl-C is a key, those that end end all of it, others are nothing', async () => {
  const terminal = open();
  terminal.kill('SIGINT');
  await until('the key', () => fake.typed === '\x03');
  terminal.kill('SIGUSR1');
  expect(ended).toHaveLength(0);
  terminal.kill('SIGTERM');
  expect(ended).toHaveLength(1);
});

describe('there is none, and the reason is told,', () => {
  test('when there is no such program', () => {
    expect(() => open({ file: '/nonexistent' })).toThrow('cannot run /nonexistent: no such file');
    expect(fake.asked).toEqual([]);
  });

  test('when Windows has no consoles of this kind', () => {
    fake.faults = { startProcess: 'Cannot launch conpty' };
    expect(() => open()).toThrow(`cannot open a terminal for ${FILE}: Cannot launch conpty`);
  });

  test('when the program does not start; then the console is let go', async () => {
    fake.faults = { connect: 'Cannot create process, error code: 193' };
    expect(() => open()).toThrow(`cannot run ${FILE}: Cannot create process, error code: 193`);
    await fake.released();
  });
});
