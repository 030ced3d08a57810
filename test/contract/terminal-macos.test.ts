// The contract of terminals, kept by what opens them on macOS, on this system; and what they alone need at a hang-up.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { macosPrograms } from '../../services/agent/platform/macos/macos-programs.ts';
import { madeTerminalFiles } from '../support/agent/terminal-files.ts';
import { CLIENT_ENV } from '../support/ssh/ssh-host.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';
import { describeTerminals } from './terminal-contract.ts';

/** As pty.ts has it: longer than bash needs to hang up its jobs. */
const AGAIN_AFTER_MS = 2_000;

describeTerminals('macOS', async () => macosPrograms(await madeTerminalFiles()));

test.each([
  ['that stays is hung up once more, not at once, and not a third time', 'stays', 2],
  ['that went is not: its number may be another’s', 'exit', 1],
])('a program %s', async (_, then, times) => {
  const programs = macosPrograms(await madeTerminalFiles());
  const clock = new ManualClock();
  const folder = mkdtempSync(join(tmpdir(), 'converge-hang-up-'));
  const file = join(folder, 'hang-ups');
  const script = `trap 'echo x >> ${file}; ${then === 'exit' ? 'exit 3' : ':'}' HUP; echo ready; while :; do sleep 0.05; done`;
  let output = '';
  const pty = programs.openTerminal(
    {
      file: '/bin/sh',
      argv: ['sh', '-c', script],
      env: () => new Map(Object.entries(CLIENT_ENV)),
      cwd: '/',
      columns: 80,
      rows: 24,
      clock,
    },
    {
      data(chunk) {
        output += chunk.toString();
      },
      drained() {},
    },
  );
  const hangUps = (): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);
  await until('it is ready', () => output.includes('ready'));
  pty.hangUp();
  await until('the hang-up', () => hangUps() === 1);
  if (then === 'exit') await pty.exited;
  clock.advance(AGAIN_AFTER_MS - 1);
  expect(clock.pending).toBe(times - 1);
  clock.advance(1);
  await until('all of them', () => hangUps() === times);
  expect(clock.pending).toBe(0);
  if (then !== 'exit') process.kill(-pty.pid, 'SIGKILL');
  await pty.exited;
  expect(hangUps()).toBe(times);
  rmSync(folder, { recursive: true });
});
