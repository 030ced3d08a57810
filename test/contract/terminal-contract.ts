// The contract of terminals on Linux and macOS: modes, exits, the last output, full lines, hanging up.
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import type { Programs, TerminalProcess } from '../../services/agent/platform/programs.ts';
import type { TerminalMode } from '../../services/agent/platform/terminal-mode.ts';
import { CLIENT_ENV } from '../support/ssh/ssh-host.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';

let open: Programs['openTerminal'];
let ptys: TerminalProcess[] = [];

interface Opened {
  readonly pty: TerminalProcess;
  readonly output: () => string;
  readonly drains: () => number;
}

const env = () => new Map(Object.entries(CLIENT_ENV));

interface RunOptions {
  readonly modes?: readonly TerminalMode[];
  readonly clock?: Clock;
  readonly onData?: (pty: TerminalProcess) => void;
}

function run(script: string, { modes = [], clock = systemClock, onData }: RunOptions = {}): Opened {
  let output = '';
  let drains = 0;
  const pty = open(
    { file: '/bin/sh', argv: ['sh', '-c', script], env, cwd: '/tmp', columns: 90, rows: 20, modes, clock },
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

/** RFC 4254 section 8. */
const OPCODES = {
  VINTR: 1,
  VERASE: 3,
  VEOL: 6,
  VSUSP: 10,
  ICRNL: 36,
  IXON: 38,
  IUTF8: 42,
  ECHO: 53,
  ONLCR: 72,
  CS7: 90,
  CS8: 91,
  PARENB: 92,
  TTY_OP_ISPEED: 128,
  TTY_OP_OSPEED: 129,
} as const;

function modesFrom(values: Partial<Record<keyof typeof OPCODES, number>>): TerminalMode[] {
  return Object.entries(values).map(([name, value]) => ({
    opcode: OPCODES[name as keyof typeof OPCODES],
    value,
  }));
}

/** Declares the suite for what `programs` gives. */
export function describeTerminals(name: string, programs: () => Promise<Programs>): void {
  describe(`terminals of ${name}`, () => {
    beforeAll(async () => {
      const given = await programs();
      open = (launch, sink) => given.openTerminal(launch, sink);
    });
    afterEach(() => {
      for (const pty of ptys) pty.hangUp();
      ptys = [];
    });

    test('a program has its directory, its size and its terminal, and its code is told after its output', async () => {
      const { pty, output } = run('pwd; stty size; tty; exit 6');
      expect(await pty.exited).toEqual({ kind: 'code', code: 6 });
      expect(output()).toMatch(/^\/tmp\r\n20 90\r\n\/dev\/pts\/\d+\r\n$/);
    });

    test('a program that dies of a signal is told by its name', async () => {
      const { pty } = run('sleep 100');
      pty.kill('SIGUSR2');
      expect(await pty.exited).toEqual({
        kind: 'signal',
        signal: constants.signals.SIGUSR2,
        coreDumped: false,
      });
    });

    test('what a program wrote before its exit is delivered although reading was paused at that time', async () => {
      let paused = false;
      const { pty, output } = run('seq 1000; exit 3', {
        onData(self) {
          if (paused) return;
          paused = true;
          self.pause();
        },
      });
      await until('the program is gone', () => !existsSync(`/proc/${pty.pid}`));
      pty.resume();
      expect(await pty.exited).toEqual({ kind: 'code', code: 3 });
      expect(output().endsWith('999\r\n1000\r\n')).toBe(true);
    });

    test('what a program wrote before its exit is delivered by a process that was busy when it should have read', async () => {
      const clock = new ManualClock();
      let paused = false;
      const { pty, output } = run("trap '' HUP; sleep 100 & echo $!; seq 1000; exit 3", {
        clock,
        onData(self) {
          if (paused) return;
          paused = true;
          self.pause();
        },
      });
      await until('the program is gone', () => !existsSync(`/proc/${pty.pid}`));
      // In a timer, as when it is late: the time is over, and nothing was read since.
      await new Promise<void>((resolve) => {
        setTimeout(() => {
          pty.resume();
          clock.advance(1_000);
          resolve();
        });
      });
      await until('the last line', () => output().endsWith('999\r\n1000\r\n'));
      clock.advance(1_000);
      expect(await pty.exited).toEqual({ kind: 'code', code: 3 });
      process.kill(Number(/^\d+/.exec(output())?.[0]), 'SIGKILL');
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

    test('a terminal is as the kernel makes it, with a line of UTF-8, when the client has none', async () => {
      const { pty, output } = run('stty -a');
      await pty.exited;
      expect(output()).toMatch(/speed 38400 baud/);
      expect(output()).toMatch(/intr = \^C;.* erase = \^\?;.* eol = <undef>;\s+eol2 = <undef>;/s);
      for (const setting of ['icrnl', 'ixon', 'iutf8', 'onlcr', 'icanon', 'echo', 'cs8']) {
        expect(output().split(/\s+/)).toContain(setting);
      }
    });

    test('the modes of the client hold before the program runs; what is unknown means nothing', async () => {
      const characters = { VINTR: 255, VERASE: 8, VEOL: 5, VSUSP: 26 };
      const flags = { ICRNL: 0, IXON: 0, IUTF8: 0, ECHO: 0, ONLCR: 0, CS7: 1, CS8: 0, PARENB: 7 };
      const speeds = { TTY_OP_ISPEED: 9_600, TTY_OP_OSPEED: 9_600 };
      const unknown = [
        { opcode: 0, value: 1 },
        { opcode: 11, value: 25 },
        { opcode: 127, value: 0xffff_ffff },
        { opcode: 159, value: 1 },
      ];
      const { pty, output } = run('stty -a', {
        modes: [...unknown, ...modesFrom({ ...characters, ...flags, ...speeds })],
      });
      await pty.exited;
      expect(output()).toMatch(/^speed 9600 baud/);
      expect(output()).toMatch(/intr = <undef>;.* erase = \^H;.* eol = \^E;.* susp = \^Z;/s);
      for (const setting of ['-icrnl', '-ixon', '-iutf8', '-echo', '-onlcr', 'icanon', 'isig']) {
        expect(output().split(/\s+/)).toContain(setting);
      }
    });

    test('of two values of one mode the last one holds', async () => {
      const erase = { opcode: OPCODES.VERASE, value: 8 };
      const { pty, output } = run('stty -a', { modes: [erase, { ...erase, value: 127 }] });
      await pty.exited;
      expect(output()).toContain('erase = ^?;');
    });

    test('nothing stays open: of programs that ended, were hung up, or could not be started', async () => {
      const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
      await run('exit 0').pty.exited;
      const before = openDescriptors();
      for (let round = 0; round < 10; round++) {
        await run('echo said; exit 0').pty.exited;
        const clock = new ManualClock();
        const { pty } = run('sleep 100', { clock });
        pty.hangUp();
        // On macOS it may not have had the terminal for its own yet, and is told again.
        clock.advance(60_000);
        await pty.exited;
        expect(() =>
          open(
            { file: '/nonexistent', argv: ['it'], env, cwd: '/', columns: 80, rows: 24 },
            { data() {}, drained() {} },
          ),
        ).toThrow();
      }
      await until('all is closed', () => openDescriptors() <= before);
    });

    test('a program that cannot be executed is an error that says why, and nothing has run', () => {
      const attempt = (file: string) => () => {
        open({ file, argv: ['it'], env, cwd: '/', columns: 80, rows: 24 }, { data() {}, drained() {} });
      };
      expect(attempt('/nonexistent')).toThrow('cannot run /nonexistent: no such file or directory');
      expect(attempt('/tmp')).toThrow('cannot run /tmp: permission denied');
    });
  });
}
