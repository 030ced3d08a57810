// Work flags: V8 takes them while the process runs, each of them, and after that no cache that was made without them.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { NODE_FLAGS, START_FLAGS } from '#shared/machine/runtime-flags.ts';
import { NODE_BINARY } from '../../../../deploy/build/node-runtime.ts';

const SOURCE = 'globalThis.there = 1';
const MADE = `process.stdout.write(new (require('node:vm').Script)('${SOURCE}').createCachedData().toString('base64'))`;

const PROGRAM = `
import { Script } from 'node:vm';
import { takeWorkFlags } from '#shared/machine/work-flags.ts';
const cachedData = Buffer.from(process.argv[1], 'base64');
const isTaken = () => new Script('${SOURCE}', { cachedData }).cachedDataRejected === false;
const before = isTaken();
takeWorkFlags();
takeWorkFlags();
console.log(before, isTaken());
`;

async function run(flags: readonly string[], ...words: readonly string[]): Promise<string> {
  // In a realm of its own: V8 would take the script that it has.
  return (await promisify(execFile)(NODE_BINARY, [...flags, '--no-compilation-cache', ...words])).stdout;
}

/** Whether a cache that was made under `flags` is taken before and after. V8 compares all of its flags. */
async function takesCacheOf(flags: readonly string[]): Promise<string> {
  const cache = await run(flags, '--eval', MADE);
  return await run(START_FLAGS, '--input-type=module', '--eval', PROGRAM, cache);
}

test('are what V8 goes by from then on', async () => {
  expect(await takesCacheOf(START_FLAGS)).toBe('true false\n');
});

test('are then the same as on the command line of a relay, each of them', async () => {
  expect(await takesCacheOf(NODE_FLAGS)).toBe('false true\n');
  for (const flag of NODE_FLAGS.slice(START_FLAGS.length)) {
    const without = NODE_FLAGS.filter((other) => other !== flag);
    expect(await takesCacheOf(without), flag).toBe('false false\n');
  }
});
