// A small tree of files for SFTP tests, the same every time, in a temporary folder that disposing removes.
import { chmod, lutimes, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SftpTree extends AsyncDisposable {
  readonly root: string;
}

/** 2021-03-04, and so long ago for any test. */
const OLD_SECONDS = 1_614_816_000;
/** An hour ago, the same in all trees of a test file: listings show it in another way. */
const RECENT_SECONDS = Math.floor(Date.now() / 1_000) - 3_600;

const QUOTED = 'it\'s "quoted" and spaced';

export async function makeTree(): Promise<SftpTree> {
  const root = await mkdtemp(join(tmpdir(), 'converge-sftp-'));
  const at = (name: string) => join(root, name);
  await mkdir(at('folder/sub'), { recursive: true });
  await writeFile(at('hello.txt'), 'hello, world\n');
  await writeFile(at('folder/inner'), 'inner');
  await writeFile(at(QUOTED), 'q');
  await writeFile(at('grüße-日本-🙂'), 'u');
  await writeFile(Buffer.concat([Buffer.from(at('bad-')), Buffer.from([0xff, 0xfe])]), 'b');
  await writeFile(at('setuid'), 's');
  await chmod(at('setuid'), 0o6755);
  await symlink('hello.txt', at('link'));
  await symlink('nowhere', at('dangling'));
  await symlink('loop', at('loop'));
  await symlink('folder', at('folder-link'));
  // All of it, or a tree that was made in another minute would be another one in a listing.
  const below = (await readdir(root, { encoding: 'buffer' })).map((name) =>
    Buffer.from([...Buffer.from(`${root}/`), ...name]),
  );
  for (const path of [at('folder/inner'), at('folder/sub'), ...below, root])
    await lutimes(path, OLD_SECONDS, OLD_SECONDS);
  await utimes(at(QUOTED), RECENT_SECONDS, RECENT_SECONDS);
  return {
    root,
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
}
