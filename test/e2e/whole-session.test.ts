// The script that tries the programs on a runner of macOS or Windows, tried here.
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PLATFORM } from '../../deploy/build/source-tree.ts';
import { runWholeSession } from '../support/laptop/whole-session.ts';
import { binary } from '../support/laptop/world.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-script-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

test('all is well with the programs of this machine', async () => {
  const { code, stdout, stderr } = await runWholeSession();
  expect(stderr).toBe('');
  expect(stdout).toContain(`\nall is well on ${PLATFORM}\n`);
  expect(stdout.match(/^ok /gm)).toHaveLength(12);
  expect(code).toBe(0);
});

test.each([
  ['has no terminals', '-tt', 'it was not so that wsproxy ssh -tt says /a terminal: true/'],
  ['loses the exit code', 'exit 7', 'its exit code arrives: not so'],
])('it is said what is wrong with a wsproxy that %s', async (_fault, word, complaint) => {
  const wrong = join(folder, 'wsproxy');
  await writeFile(
    wrong,
    `#!/bin/sh\ncase "$*" in *'${word}'*) exit 0 ;; esac\nexec ${binary('wsproxy')} "$@"\n`,
  );
  await chmod(wrong, 0o755);
  const { code, stderr } = await runWholeSession({ WSPROXY: wrong });
  expect(stderr).toContain(`not ok  `);
  expect(stderr).toContain(complaint);
  expect(code).toBe(1);
});
