// `npm run test:pump`: trials of the native pump, built with the compiler's sanitizers (trial.cc).
//
//   npm run test:pump [-- --rounds N] [--seed S]
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../../deploy/build/command.ts';
import { hostPlatform } from '../../deploy/build/linux-platform.ts';
import { ensureCompilers } from '../../deploy/build/toolchain.ts';

const MAX_SEED = 2 ** 31;
const DEFAULT_ROUNDS = 40;

/** Memory, undefined behaviour and leaks; and races. One program cannot have both. */
const SANITIZERS = ['address,undefined', 'thread'] as const;

const FLAGS = ['-std=gnu++20', '-O1', '-g', '-Wall', '-Wextra', '-Wno-missing-field-initializers', '-Werror'];

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);
const seed = Number(values.seed ?? randomInt(MAX_SEED));
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  console.error('test:pump: --rounds and --seed take whole numbers, the first of them over 0');
  process.exit(2);
}

const { cxx } = await ensureCompilers(hostPlatform());
const folder = await mkdtemp(join(tmpdir(), 'converge-pump-'));
try {
  for (const sanitizer of SANITIZERS) {
    const program = join(folder, 'trial');
    const options = [`-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all', '-pthread', '-o', program];
    await runCommand(cxx, [...FLAGS, ...options, join(import.meta.dirname, 'trial.cc')]);
    const said = await runCommand(program, [String(seed), String(rounds)]);
    console.log(`pump, under ${sanitizer}: ${said.trim()}`);
  }
} catch (error) {
  console.error(`test:pump: seed ${seed} FAILED: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
