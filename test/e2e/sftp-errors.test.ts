// What goes wrong with files reaches people as what it is: through Debian's sftp and scp.
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeBytes } from '../support/laptop/bytes.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { openWay, type Way } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';

/** Permissions mean nothing to root: then the job is somebody else's. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined;

const world = useWorld();
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  agent = await startAgent(world, { held: true, uid: NOBODY });
  way = await openWay(world, agent);
  await writeFile(join(agent.job, 'secret'), 'x');
  await mkdir(join(agent.job, 'locked'));
  for (const name of ['secret', 'locked']) await chmod(join(agent.job, name), 0);
  await makeBytes(join(way.laptop.folder, 'local'), 100_000);
});

test.each([
  ['put local /dev/full', /write remote "\/dev\/full": .*/],
  ['get missing', /File ".*\/missing" not found|missing: No such file or directory/],
  ['get secret', /secret": Permission denied/],
  ['put local locked/file', /dest open ".*\/locked\/file": Permission denied/],
  ['ls locked', /Permission denied/],
  ['put local nowhere/file', /dest open ".*\/nowhere\/file": No such file or directory/],
  ['mkdir locked', /remote mkdir ".*locked": Failure/],
  ['rmdir missing', /No such file or directory/],
])('sftp %s says why and ends with 1', async (command, complaint) => {
  const { code, stderr } = await way.sftp([command], ['-q']);
  expect(stderr).toMatch(complaint);
  expect(code).toBe(1);
});

test.each([
  ['scp', []],
  ['scp -O', ['-O']],
])('%s says that the disk is full, the file is missing, the folder is locked', async (_name, options) => {
  for (const target of ['/dev/full', 'locked/file', 'nowhere/file']) {
    const { code, stderr } = await way.scp([...options, '-q', 'local', `${way.host}:${target}`]);
    expect(stderr).toMatch(
      target === '/dev/full' ? /full/ : target === 'locked/file' ? /Permission denied/ : /No such file/,
    );
    expect(code).not.toBe(0);
  }
});

test('a session goes on after an error', async () => {
  const { stdout, code } = await way.sftp(
    ['-get missing', '-put local /dev/full', 'put local', 'ls local'],
    ['-q'],
  );
  expect(stdout).toMatch(/^local *$/m);
  expect(code).toBe(0);
});
