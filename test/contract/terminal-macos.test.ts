// The contract of terminals, kept by what opens them on macOS, on this system.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { macosPrograms } from '../../services/agent/platform/macos/macos-programs.ts';
import type { TerminalProcess } from '../../services/agent/platform/programs.ts';
import { madeTerminalFiles } from '../support/agent/terminal-files.ts';
import { CLIENT_ENV } from '../support/ssh/ssh-host.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';
import { describeTerminals } from './terminal-contract.ts';

describeTerminals('macOS', async () => macosPrograms(await madeTerminalFiles()));

/**
 * Writes down each SIGHUP to the program's group that is none of the kernel's: those go to the leader, which ignores them, and to
 * the group in front, which is another one.
 */
const WRITES_DOWN = [
  `(trap 'echo hup >>diary' HUP; while :; do echo tick >>diary; sleep 0.01; done) &`,
  `trap '' HUP`,
  'set -m',
  '(echo front >>diary; while kill -0 $$; do sleep 0.1; done)',
].join('\n');

async function openBash(script: string, cwd: string, clock: ManualClock): Promise<TerminalProcess> {
  const env = () => new Map(Object.entries(CLIENT_ENV));
  return macosPrograms(await madeTerminalFiles()).openTerminal(
    { file: '/bin/bash', argv: ['bash', '-c', script], env, cwd, columns: 80, rows: 24, clock },
    { data() {}, drained() {} },
  );
}

/** The hang-up may have ended it already. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

test('who does not end at the hang-up is told again later, and not at once: bash would leave its jobs behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'converge-hangup-'));
  const diary = join(folder, 'diary');
  writeFileSync(diary, '');
  const countOf = (word: string): number => readFileSync(diary, 'utf8').split(word).length - 1;
  const clock = new ManualClock();
  const pty = await openBash(WRITES_DOWN, folder, clock);
  try {
    await until('another group is in front', () => countOf('front') === 1 && countOf('tick') > 0);
    pty.hangUp();
    const ticks = countOf('tick');
    await until('it has gone on', () => countOf('tick') > ticks + 3);
    expect(countOf('hup')).toBe(0);
    clock.advance(60_000);
    await until('it has been told', () => countOf('hup') === 1);
    expect(clock.pending).toBe(0);
  } finally {
    process.kill(-pty.pid, 'SIGKILL');
    await pty.exited;
    rmSync(folder, { recursive: true });
  }
});

test('who has ended is not told again: its number may be that of others', async () => {
  const clock = new ManualClock();
  const pty = await openBash('exec sleep 100', tmpdir(), clock);
  pty.hangUp();
  killIfThere(pty.pid);
  await pty.exited;
  expect(clock.pending).toBe(0);
});
