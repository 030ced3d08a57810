// Work flags: V8 takes them while the process runs, and after that no cache that was made without them.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { START_FLAGS } from '#shared/machine/runtime-flags.ts';
import { NODE_BINARY } from '../../../../deploy/build/node-runtime.ts';

const PROGRAM = `
import { Script } from 'node:vm';
import { takeWorkFlags } from '#shared/machine/work-flags.ts';
const source = 'globalThis.there = 1';
const cachedData = new Script(source).createCachedData();
const isTaken = () => new Script(source + '', { cachedData }).cachedDataRejected === false;
const before = isTaken();
takeWorkFlags();
takeWorkFlags();
// In a realm of its own: V8 would take the script that it has.
console.log(before, isTaken());
`;

test('is what V8 goes by from then on', async () => {
  const { stdout } = await promisify(execFile)(NODE_BINARY, [
    ...START_FLAGS,
    '--no-compilation-cache',
    '--input-type=module',
    '--eval',
    PROGRAM,
  ]);
  expect(stdout).toBe('true false\n');
});
