// A small tree of files for SFTP tests, the same every time, in a temporary folder that disposing removes.
import { chmod, lutimes, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SftpTree extends AsyncDisposable {
  readonly root: string;
}

/** 2021-03-04, and so long ago for any test. */
const OLD_SECONDS = 1_614_816_000;

export async function makeTree(): Promise<SftpTree> {
  const root = await mkdtemp(join(tmpdir(), 'converge-sftp-'));
  const at = (name: string) => join(root, name);
  await mkdir(at('folder/sub'), { recursive: true });
  await writeFile(at('hello.txt'), 'hello, world\n');
  await writeFile(at('folder/inner'), 'inner');
  await writeFile(at('it\'s "quoted" and spaced'), 'q');
  await writeFile(at('grüße-日本-🙂'), 'u');
  await writeFile(Buffer.concat([Buffer.from(at('bad-')), Buffer.from([0xff, 0xfe])]), 'b');
  await writeFile(at('setuid'), 's');
  await chmod(at('setuid'), 0o6755);
  await symlink('hello.txt', at('link'));
  await symlink('nowhere', at('dangling'));
  await symlink('loop', at('loop'));
  await symlink('folder', at('folder-link'));
  for (const name of ['hello.txt', 'folder/inner', 'folder/sub', 'setuid', 'folder']) {
    await utimes(at(name), OLD_SECONDS, OLD_SECONDS);
  }
  for (const name of ['link', 'dangling']) await lutimes(at(name), OLD_SECONDS, OLD_SECONDS);
  return {
    root,
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
}
