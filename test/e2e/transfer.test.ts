// Files through everything: sftp, scp and rsync of Debian, large and many.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import type { E2eAgent } from '../support/laptop/job.ts';
import type { Way } from '../support/laptop/laptop.ts';
import { openJob } from '../support/laptop/open-job.ts';
import { useWorld } from '../support/laptop/world.ts';

const run = promisify(execFile);

const GIB = 2 ** 30;
/** Each way: 1 GiB, and at most 64 MiB of it between two key exchanges. */
const KEY_EXCHANGES_MIN = 16;
const SMALL_FILES = 10_000;
const ODD_NAMES = ["it's", 'two words', '"quoted"', 'grüße-日本-🙂', '-o ProxyCommand=x', '$(id)', '*glob?['];

const world = useWorld(['rsync']);
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  ({ agent, way } = await openJob(world, { held: true }));
});

describe('1 GiB', () => {
  let source: string;
  let hash: string;

  beforeAll(async () => {
    source = join(way.laptop.folder, 'large');
    await makeBytes(source, GIB);
    hash = await hashOf(source);
  });

  async function putAndGet(...options: string[]): Promise<string> {
    const back = `${source}-back`;
    const { code, stderr } = await way.sftp(['put large', 'get large large-back'], ['-q', ...options]);
    expect({ code, stderr: options.includes('-v') ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(await hashOf(join(agent.job, 'large'))).toBe(hash);
    expect(await hashOf(back)).toBe(hash);
    await rm(join(agent.job, 'large'));
    await rm(back);
    return stderr;
  }

  test('is put and got by sftp', async () => {
    await putAndGet();
  });

  test('is put and got by sftp with a key exchange every 64 MiB', async () => {
    const stderr = await putAndGet('-v', '-o', 'RekeyLimit=64M');
    expect(stderr.split('SSH2_MSG_NEWKEYS received').length - 1).toBeGreaterThanOrEqual(
      2 * KEY_EXCHANGES_MIN,
    );
  });
});

describe('a tree', () => {
  async function makeTree(name: string): Promise<string> {
    const tree = join(way.laptop.folder, name);
    await mkdir(join(tree, 'deep/er'), { recursive: true });
    for (const odd of ODD_NAMES) await writeFile(join(tree, 'deep', odd), odd);
    await writeFile(join(tree, 'empty'), '');
    return tree;
  }

  async function expectSame(one: string, other: string): Promise<void> {
    await expect(run('diff', ['-r', one, other])).resolves.toEqual({ stdout: '', stderr: '' });
  }

  test(`of ${SMALL_FILES} small files is put and got by sftp -r, both at the same time`, async () => {
    const local = await makeTree('put-me');
    const remote = join(agent.job, 'get-me');
    await mkdir(remote);
    for (let number = 0; number < SMALL_FILES; number++) {
      for (const tree of [local, remote]) writeFileSync(join(tree, `file-${number}`), `content ${number}\n`);
    }
    const outcomes = await Promise.all([
      way.sftp(['put -r put-me'], ['-q']),
      way.sftp(['get -r get-me'], ['-q']),
    ]);
    for (const { code, stderr } of outcomes) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expectSame(local, join(agent.job, 'put-me'));
    await expectSame(join(way.laptop.folder, 'get-me'), remote);
  });

  test.each([
    ['scp, over sftp', []],
    ['scp -O, the old protocol', ['-O']],
  ])('is copied by %s, there and back', async (_name, options) => {
    const tree = await makeTree(`tree${options.join('')}`);
    const remote = `${way.host}:tree${options.join('')}`;
    const there = await way.scp([...options, '-q', '-rp', tree, remote]);
    expect(there).toEqual({ code: 0, stdout: '', stderr: '' });
    const back = await way.scp([...options, '-q', '-rp', remote, `${tree}-back`]);
    expect(back).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectSame(tree, `${tree}-back`);
  });

  test('is copied by rsync, with its links', async () => {
    const tree = await makeTree('synced');
    await symlink('empty', join(tree, 'link'));
    const shell = join(way.laptop.folder, 'remote-shell');
    const [sh, flag, script, ssh] = way.command('ssh');
    await writeFile(
      shell,
      `#!/bin/sh\nexec ${sh} ${flag} '${script?.replaceAll("'", `'\\''`)}' ${ssh} "$@"\n`,
      { mode: 0o755 },
    );
    const there = await way.laptop.paste(`rsync -a -e ./remote-shell synced/ ${way.host}:synced/`);
    expect(there).toEqual({ code: 0, stdout: '', stderr: '' });
    const back = await way.laptop.paste(`rsync -a -e ./remote-shell ${way.host}:synced/ synced-back/`);
    expect(back).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectSame(tree, join(agent.job, 'synced'));
    await expectSame(tree, `${tree}-back`);
  });
});
