// The contract of sessions on a terminal, driven by keys through Debian's ssh in a pty of its own.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Platform } from '../../services/agent/platform/platform.ts';
import { isAlive } from '../support/machine/alive.ts';
import { type SshHost, startSshHost } from '../support/ssh/ssh-host.ts';
import { openTerminal, type Terminal } from '../support/ssh/ssh-terminal.ts';
import { until } from '../support/time/poll.ts';

const HOST = 'abc@127.0.0.1';
const PROMPT = /[$#] /;
const DEADLINE = { farewell: 'the deadline has come', reason: 'too late' };
let platform: Platform;
let host: SshHost;
let terminals: Terminal[] = [];

function ssh(...args: string[]): Terminal {
  const terminal = openTerminal('ssh', [...host.clientOptions, '-tt', ...args]);
  terminals.push(terminal);
  return terminal;
}

/** Whether programs have nothing open but their own. Node's fork on Linux sees to that for nobody; its spawn on macOS does. */
export interface ShellCase {
  readonly closesAll: boolean;
}

/** Declares the suite for the platform that `open` gives. */
export function describeShells(name: string, open: () => Promise<Platform>, { closesAll }: ShellCase): void {
  describe(`sessions of ${name}`, () => {
    beforeAll(async () => {
      platform = await open();
    });
    beforeEach(async () => {
      host = await startSshHost({ platform, shell: '/bin/bash' });
    });
    afterEach(async () => {
      for (const terminal of terminals) terminal.close();
      terminals = [];
      await host.stop();
    });

    test('a shell greets, prompts, echoes, and passes on the exit code', async () => {
      const shell = ssh(HOST);
      await shell.see(/^welcome to the job\r\n/);
      await shell.see(PROMPT);
      shell.type('echo "$TERM $JOB_NAME $-"; tty; echo "$SSH_TTY"\r');
      await shell.see(/[\r\n]xterm nightly build .*i.*\r\n(\/dev\/pts\/\d+)\r\n\1\r\n/);
      shell.type('exit 7\r');
      expect(await shell.exited).toEqual({ kind: 'code', code: 7 });
    });

    test('the terminal follows the size of the window', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type('stty size\r');
      await shell.see(/[\r\n]30 100\r\n/);
      await shell.see(PROMPT);
      shell.resize(132, 50);
      // bash (on a bare pty too) can lose keys that come together with the signal; a person sees the prompt drawn again first.
      await shell.see(PROMPT);
      shell.type('stty size\r');
      await shell.see(/[\r\n]50 132\r\n/);
    });

    test('Ctrl-C interrupts, Ctrl-Z stops, fg goes on', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      // Keys go to whoever has the foreground: the program says when it has it.
      shell.type("sh -c 'echo first; exec sleep 71'\r");
      await shell.see(/[\r\n]first\r\n/);
      shell.type('\x03');
      await shell.see(/\^C/);
      await shell.see(PROMPT);
      shell.type("sh -c 'echo second; exec sleep 72'\r");
      await shell.see(/[\r\n]second\r\n/);
      shell.type('\x1a');
      await shell.see(/\[1\]\+ +Stopped +sh -c/);
      shell.type('jobs; fg; echo code $?\r');
      await shell.see(/\[1\]\+ +Stopped +sh -c.*[\r\n]sh -c/s);
      shell.type('\x03');
      await shell.see(/\^C/);
    });

    test('top draws and quits', async () => {
      const shell = ssh(HOST, 'top');
      await shell.see(/Tasks:/);
      await shell.see(/PID/);
      shell.type('q');
      expect(await shell.exited).toEqual({ kind: 'code', code: 0 });
      expect(shell.screen()).not.toContain('welcome');
    });

    test('vim takes the whole screen and gives it back', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type('vim -u NONE -n notes\r');
      await shell.see(/\[\?1049h/);
      shell.type('ihello\x1b:wq\r');
      await shell.see(/\[\?1049l/);
      shell.type('cat notes\r');
      await shell.see(/[\r\n]hello\r\n/);
    });

    test('a command on a terminal killed by a signal is told as such', async () => {
      await host.stop();
      host = await startSshHost({ platform, logLevel: 'DEBUG1' });
      const shell = ssh(HOST, 'kill -KILL $$');
      await shell.see(/rtype exit-signal/);
      expect(await shell.exited).toEqual({ kind: 'code', code: 255 });
    });

    test('the last output on a terminal is never cut', async () => {
      const shell = ssh(HOST, 'seq 50000; exit 3');
      expect(await shell.exited).toEqual({ kind: 'code', code: 3 });
      expect(shell.screen().trimEnd().endsWith('\n49999\r\n50000')).toBe(true);
      expect(
        shell
          .screen()
          .split('\r\n')
          .filter((line) => /^\d+$/.test(line)),
      ).toHaveLength(50_000);
    });

    test('the exit of a shell ends the session although a background job holds the terminal', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type('nohup sleep 73 & echo pid=$!; exit 5\r');
      const [, pid] = await shell.see(/pid=(\d+)\r\n/);
      expect(await shell.exited).toEqual({ kind: 'code', code: 5 });
      process.kill(Number(pid), 'SIGKILL');
    });

    test('a paste larger than every buffer reaches a slow reader whole, and others are served meanwhile', async () => {
      const pasted = Buffer.alloc(300_000, 'pasted text, line by line, and then some more of it\n');
      const shell = ssh(HOST, 'stty raw -echo; echo ready; sleep 2; head -c 300000 | sha256sum');
      await shell.see(/ready/);
      shell.type(pasted.toString());
      const during = await host.ssh([HOST, 'echo meanwhile']);
      expect(during.stdout.toString()).toBe('meanwhile\n');
      const [, hash] = await shell.see(/([0-9a-f]{64})/);
      expect(hash).toBe(createHash('sha256').update(pasted).digest('hex'));
    });

    test('a client that vanishes takes its shell and what runs in it along, whichever shell came first', async () => {
      const pids = path.join(host.folder, 'pids');
      const first = ssh(HOST);
      await first.see(PROMPT);
      first.type(`sh -c 'echo $$ > ${pids}; exec sleep 74'\r`);
      await until('the program runs', () => existsSync(pids) && readFileSync(pids, 'utf8').includes('\n'));
      const second = ssh(HOST); // started later: it must not hold the first terminal's master
      await second.see(PROMPT);
      first.close();
      const pid = Number(readFileSync(pids, 'utf8'));
      await until('the program is gone', () => !isAlive(pid));
      second.type('echo still here\r');
      await second.see(/[\r\n]still here\r\n/);
    });

    test('a client that vanishes hangs up what its shell has in the background too, but for nohup', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type('sleep 77 & nohup sleep 78 >/dev/null 2>&1 & echo "pids=$(jobs -p | xargs)"\r');
      const [, background, survivor] = await shell.see(/pids=(\d+) (\d+)\r\n/);
      await until('nohup has become sleep', () =>
        readFileSync(`/proc/${survivor}/cmdline`, 'utf8').startsWith('sleep'),
      );
      shell.close();
      await until('the job in the background is gone', () => !isAlive(Number(background)));
      expect(isAlive(Number(survivor))).toBe(true);
      process.kill(Number(survivor), 'SIGKILL');
    });

    test('a program that ignores the hang-up is not waited for', async () => {
      const shell = ssh(HOST, "trap '' HUP TERM; echo $$; while :; do sleep 0.1; done");
      const [, pid] = await shell.see(/(\d+)\r\n/);
      await host.server.stop(DEADLINE);
      await shell.see(/the deadline has come\r\n/);
      await shell.exited;
      expect(host.logouts).toMatchObject([{ reason: 'stopped' }]);
      expect(isAlive(Number(pid))).toBe(true);
      process.kill(Number(pid), 'SIGKILL');
    });

    test('a program that closes its side of the terminal lives on, and its code arrives', async () => {
      const go = path.join(host.folder, 'go');
      const shell = ssh(HOST, `exec <&- >&- 2>&-; until test -e ${go}; do sleep 0.05; done; exit 9`);
      await until('it is logged in', () => host.server.clients().length === 1);
      writeFileSync(go, '');
      expect(await shell.exited).toEqual({ kind: 'code', code: 9 });
    });

    test.runIf(closesAll)(
      'a terminal of one session is not open in the next, and neither is what the agent has open',
      async () => {
        const first = ssh(HOST);
        await first.see(PROMPT);
        const second = await host.ssh([
          '-tt',
          HOST,
          'for fd in $(ls /proc/$$/fd); do readlink /proc/$$/fd/$fd; done | sort -u',
        ]);
        expect(second.stdout.toString()).toMatch(/^\/dev\/pts\/\d+\r\n$/);
        const exec = await host.ssh([HOST, 'ls /proc/$$/fd; readlink /proc/$$/fd/* | grep -c -v ^pipe:']);
        expect(exec.stdout.toString()).toBe('0\n1\n2\n0\n');
      },
    );

    test('a notice reaches every terminal and no exec', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      const exec = host.ssh([HOST, 'sleep 0.5; echo done']);
      await until('both are logged in', () => host.server.clients().length === 2);
      host.server.notify('this host goes away in 5 minutes\nsee you');
      await shell.see(/\r\nthis host goes away in 5 minutes\r\nsee you\r\n/);
      expect(await exec).toMatchObject({ stdout: Buffer.from('done\n'), stderr: '' });
    });

    test('typing is activity, output alone is not', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type('sleep 0.3; seq 1000; echo finished\r');
      await shell.see(/[\r\n]1\r\n/);
      const before = host.activity.count;
      await shell.see(/[\r\n]finished\r\n/);
      expect(host.activity.count).toBe(before);
      shell.type('x');
      await until('the key counts', () => host.activity.count > before);
    });

    test('a full-screen program that is cut off leaves nothing behind: the farewell is on the screen of the shell', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type("vim -u NONE -n -c 'set mouse=a ttymouse=sgr' notes\r");
      await shell.see(/\[\?1049h/);
      await shell.see(/\[\?1002h/);
      await shell.see(/~/);
      await host.server.stop(DEADLINE);
      await shell.see(/\[\?1006l.*\[\?1049l\r\nthe deadline has come\r\n/s);
      expect(shell.screen().split('the deadline has come')[1]).not.toContain('\x1b');
    });

    test('a program that is not full-screen is cut off without control sequences', async () => {
      const shell = ssh(HOST, 'echo ready; exec sleep 79');
      await shell.see(/ready\r\n/);
      await host.server.stop(DEADLINE);
      await shell.see(/^\r\nthe deadline has come\r\n/);
    });

    test('stop tells every terminal why, hangs up what runs, and may be called twice', async () => {
      const shell = ssh(HOST);
      await shell.see(PROMPT);
      shell.type('echo $$; exec sleep 75\r');
      const [, pid] = await shell.see(/[\r\n](\d+)\r\n/);
      const stopped = host.server.stop(DEADLINE);
      await shell.see(/\r\nthe deadline has come\r\n/);
      await stopped;
      await host.server.stop({ farewell: 'again', reason: 'again' });
      expect((await shell.exited).kind).toBe('code');
      await until('the program is gone', () => !isAlive(Number(pid)));
      expect(host.logouts).toMatchObject([{ reason: 'stopped', user: 'abc' }]);
    });
  });
}
