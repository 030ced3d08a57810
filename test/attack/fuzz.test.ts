// The attacker is chance: it sends what no program would, to whoever listens, and wants one of them to fall, to grow or to err.
import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { outcomeOf } from '../support/ssh/ssh-host.ts';

/** A part of `npm run test:fuzz`; every kind of cases is in it, so that there are some more after rounding. */
const CASES = 1_500;
const SEED = 12;
/** It takes half a minute; on a machine that does other things besides, some more. In milliseconds. */
const TIMEOUT_MS = 300_000;

test(
  'mutated requests, frames, messages and packets make nothing fall or grow, and a session goes on',
  async () => {
    const args = ['test/fuzz/main.ts', '--cases', String(CASES), '--seed', String(SEED)];
    const fuzz = spawn(process.execPath, args, { cwd: ROOT });
    onTestFinished(() => void fuzz.kill());
    const { code, stdout, stderr } = await outcomeOf(fuzz);
    const said = stdout.toString();
    expect(said, stderr).toMatch(
      new RegExp(`seed ${SEED}: \\d+ cases, no fall, no growth; the good session: [1-9]\\d+ bytes`),
    );
    expect(Number(/(\d+) cases, no fall/.exec(said)?.[1])).toBeGreaterThanOrEqual(CASES);
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);
