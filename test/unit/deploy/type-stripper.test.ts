// The type stripper: out of a Node that does all else as before.
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { NODE_BINARY } from '../../../deploy/build/node-runtime.ts';
import { removeTypeStripper } from '../../../deploy/build/type-stripper.ts';

/** A text as it lies in Node. */
function module(bytes: number): string {
  return `from("AGFzbQ${'E'.repeat(bytes)}", "base64")`;
}

test('only the large module goes, and nothing moves', () => {
  const text = `begin ${module(70_000)} middle ${module(1_000_000)} end`;
  const executable = Buffer.from(text, 'latin1');
  expect(removeTypeStripper(executable)).toBe(1_000_006);
  const expected = text.replace(`AGFzbQ${'E'.repeat(1_000_000)}`, 'A'.repeat(1_000_006));
  expect(executable.toString('latin1') === expected).toBe(true);
});

test.each([
  ['none', module(70_000)],
  ['two', module(1_000_000).repeat(2)],
])('where there is %s nothing is touched', (_, text) => {
  const executable = Buffer.from(text, 'latin1');
  expect(() => removeTypeStripper(executable)).toThrow(/type strippers in place of one/);
  expect(executable.toString('latin1') === text).toBe(true);
});

test('the pinned Node is without its compiler then, and runs what it ran', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'converge-stripper-'));
  try {
    const [node, typed] = [join(folder, 'node'), join(folder, 'typed.ts')];
    const executable = await readFile(NODE_BINARY);
    expect(removeTypeStripper(executable)).toBeGreaterThan(3_000_000);
    await writeFile(node, executable);
    await chmod(node, 0o755);
    await writeFile(typed, 'const answer: number = 42; console.log(answer);');
    const run = promisify(execFile);
    await expect(run(node, [typed])).rejects.toThrow(/WebAssembly/);
    const { stdout } = await run(node, ['--print', "typeof require('node:https').request"]);
    expect(stdout).toBe('function\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
