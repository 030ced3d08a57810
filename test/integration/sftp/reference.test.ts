// The SFTP server against OpenSSH's own: the same requests to both, in equal trees, get the same replies.
import { expect, test } from 'vitest';
import {
  attrs,
  FLAG,
  numbersOf,
  type Reply,
  type SftpClient,
  STATUS,
  str,
  T,
  u32,
  u64,
} from '../../support/sftp/sftp-client.ts';
import { comparable } from '../../support/sftp/sftp-comparison.ts';
import { OUR_SERVER, referenceServer, startServer } from '../../support/sftp/sftp-programs.ts';
import { makeTree } from '../../support/sftp/sftp-tree.ts';

type Requests = (client: SftpClient, root: string) => Promise<unknown[]>;

const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = FLAG;

/** Sends each request after the reply to the one before. */
async function inTurn(...requests: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const outcomes = [];
  for (const request of requests) outcomes.push(await request());
  return outcomes;
}

const CASES: [sentence: string, requests: Requests][] = [
  [
    'LSTAT and STAT of everything there is',
    (c) =>
      inTurn(
        ...[
          'hello.txt',
          'folder',
          'link',
          'dangling',
          'loop',
          'setuid',
          'missing',
          'hello.txt/below',
          '',
          'it\'s "quoted" and spaced',
          'grüße-日本-🙂',
          'x'.repeat(300),
        ].flatMap((path) => [() => c.request(T.LSTAT, str(path)), () => c.request(T.STAT, str(path))]),
      ),
  ],
  [
    'names that are not UTF-8',
    (c) => {
      const name = Buffer.from([...Buffer.from('bad-'), 0xff, 0xfe]);
      const renamed = Buffer.from([0xc0, ...Buffer.from(' renamed')]);
      return inTurn(
        () => c.request(T.LSTAT, str(name)),
        () => c.request(T.REALPATH, str(name)),
        () => c.request(T.RENAME, str(name), str(renamed)),
        () => c.request(T.SYMLINK, str(Buffer.from([0xfe])), str('to-bytes')),
        () => c.request(T.READLINK, str('to-bytes')),
        () => c.request(T.LSTAT, str(renamed)),
      );
    },
  ],
  [
    'REALPATH of paths that exist, do not, loop, and climb',
    (c, root) =>
      inTurn(
        ...[
          '.',
          '',
          '/',
          '..',
          '/../..',
          'folder/../hello.txt',
          'folder-link/inner',
          'folder-link/..',
          'link',
          'dangling',
          'loop',
          'missing',
          'missing/',
          'missing/below',
          'folder//sub/./',
          'hello.txt/',
          'hello.txt/below',
          `${root}/folder-link/sub`,
        ].map((path) => () => c.request(T.REALPATH, str(path))),
      ),
  ],
  [
    'expand-path',
    (c) =>
      inTurn(
        ...[
          '~',
          '~/',
          '~/x',
          '~root',
          '~root/x',
          '~nobody-of-that-name',
          'folder/..',
          '/tmp',
          'missing',
          '.',
        ].map((path) => () => c.extended('expand-path@openssh.com', str(path))),
      ),
  ],
  [
    'OPEN with every combination of flags, on a file that is there and one that is not',
    (c) =>
      inTurn(
        ...[READ, WRITE, READ | WRITE, 0]
          .flatMap((access) =>
            [0, CREAT, TRUNC, CREAT | TRUNC, CREAT | EXCL, APPEND | CREAT].map((f) => access | f),
          )
          .flatMap((flags) =>
            ['hello.txt', `new-${flags}`, 'folder', 'dangling-dir/x'].map((path) => async () => {
              const reply = await c.request(T.OPEN, str(path), u32(flags), attrs());
              const stat = reply.kind === 'handle' ? await c.request(T.FSTAT, str(reply.handle)) : undefined;
              const closed = reply.kind === 'handle' ? await c.close(reply.handle) : undefined;
              return [path, flags, reply.kind === 'handle' ? 'handle' : reply, stat, closed];
            }),
          ),
      ),
  ],
  [
    'modes of new files and directories',
    (c) =>
      inTurn(
        async () => c.close(await c.open('plain', WRITE | CREAT)),
        async () => c.close(await c.open('private', WRITE | CREAT, { mode: 0o600 })),
        async () => c.close(await c.open('typed', WRITE | CREAT, { mode: 0o100755 })),
        () => c.request(T.MKDIR, str('plain-dir'), attrs()),
        () => c.request(T.MKDIR, str('private-dir'), attrs({ mode: 0o700 })),
        () => c.request(T.MKDIR, str('sticky-dir'), attrs({ mode: 0o1777 })),
        ...['plain', 'private', 'typed', 'plain-dir', 'private-dir', 'sticky-dir'].map(
          (path) => () => c.request(T.LSTAT, str(path)),
        ),
      ),
  ],
  [
    'READ at every place, also none and beyond the end',
    async (c) => {
      const file = await c.open('hello.txt', READ);
      const outcomes = await inTurn(
        () => c.read(file, 0, 5),
        () => c.read(file, 7, 100),
        () => c.read(file, 13, 10),
        () => c.read(file, 1e12, 10),
        () => c.read(file, 0, 0),
        () => c.read(file, 0, 10_000_000),
        () => c.close(file),
      );
      const folder = await c.open('folder', READ);
      return [...outcomes, await c.read(folder, 0, 10)];
    },
  ],
  [
    'WRITE into the middle, past the end, and appended whatever the offset',
    async (c) => {
      const file = await c.open('w', READ | WRITE | CREAT);
      const outcomes = await inTurn(
        () => c.write(file, 0, 'abcdef'),
        () => c.write(file, 2, 'XY'),
        () => c.write(file, 10, 'far'),
        () => c.write(file, 0, ''),
        () => c.read(file, 0, 100),
        () => c.close(file),
      );
      const appended = await c.open('w', WRITE | APPEND);
      return [
        ...outcomes,
        await c.write(appended, 0, '1'),
        await c.write(appended, 3, '2'),
        await c.close(appended),
        await c.read(await c.open('w', READ), 0, 100),
      ];
    },
  ],
  [
    'SETSTAT of size, mode, times and owner, one at a time and together',
    (c) => {
      const after = (path: string, reply: () => Promise<Reply>) => async () => [
        await reply(),
        await c.request(T.STAT, str(path)),
      ];
      const set = (path: string, a: Parameters<typeof attrs>[0]) =>
        after(path, () => c.request(T.SETSTAT, str(path), attrs(a)));
      return inTurn(
        set('hello.txt', { size: 5, times: [1000, 2000] }),
        set('hello.txt', { size: 50, times: [1000, 2000] }),
        set('hello.txt', { mode: 0o100640 }),
        set('hello.txt', { times: [2_000_000_000, 3_000_000_000] }),
        set('hello.txt', { owner: [12345, 54321] }),
        set('hello.txt', { size: 1, mode: 0o4755, times: [1, 2], owner: [1, 1] }),
        set('link', { mode: 0o600 }),
        set('missing', { mode: 0o600 }),
        set('folder', { size: 5 }),
        set('folder', { mode: 0o711, times: [5, 6] }),
        set('hello.txt', {}),
      );
    },
  ],
  [
    'FSETSTAT and FSTAT through a handle',
    async (c) => {
      const file = await c.open('hello.txt', READ | WRITE);
      const readOnly = await c.open('folder/inner', READ);
      return inTurn(
        () =>
          c.request(T.FSETSTAT, str(file), attrs({ size: 3, mode: 0o604, times: [10, 20], owner: [7, 8] })),
        () => c.request(T.FSTAT, str(file)),
        () => c.request(T.FSETSTAT, str(readOnly), attrs({ size: 1 })),
        () => c.request(T.FSETSTAT, str(readOnly), attrs({ times: [10, 20] })),
        () => c.request(T.FSTAT, str(readOnly)),
      );
    },
  ],
  [
    'lsetstat of a link itself',
    (c) =>
      inTurn(
        () => c.extended('lsetstat@openssh.com', str('link'), attrs({ times: [10, 20] })),
        () => c.extended('lsetstat@openssh.com', str('link'), attrs({ owner: [3, 4] })),
        () => c.extended('lsetstat@openssh.com', str('link'), attrs({ mode: 0o600 })),
        () => c.extended('lsetstat@openssh.com', str('link'), attrs({ size: 1 })),
        () => c.extended('lsetstat@openssh.com', str('hello.txt'), attrs({ mode: 0o600 })),
        () => c.extended('lsetstat@openssh.com', str('missing'), attrs({ times: [10, 20] })),
        () => c.request(T.LSTAT, str('link')),
        () => c.request(T.STAT, str('link')),
      ),
  ],
  [
    'a listing with long names',
    async (c) => {
      const names = await c.list('folder');
      const all = await c.list('.');
      return [
        names.toSorted(byName).map((entry) => ({ ...entry, longName: entry.longName.toString('latin1') })),
        all
          .filter(({ name }) => name.toString() !== '..')
          .toSorted(byName)
          .map(({ name, longName }) => [name, longName.toString('latin1').slice(0, 60)]),
        await c.request(T.OPENDIR, str('missing')),
        await c.request(T.OPENDIR, str('hello.txt')),
        await c.request(T.OPENDIR, str('')),
      ];
    },
  ],
  [
    'REMOVE, MKDIR and RMDIR where they can and cannot',
    (c) =>
      inTurn(
        () => c.request(T.REMOVE, str('missing')),
        () => c.request(T.REMOVE, str('folder')),
        () => c.request(T.REMOVE, str('link')),
        () => c.request(T.REMOVE, str('setuid')),
        () => c.request(T.MKDIR, str('folder'), attrs()),
        () => c.request(T.MKDIR, str('missing/below'), attrs()),
        () => c.request(T.RMDIR, str('folder')),
        () => c.request(T.RMDIR, str('folder/sub')),
        () => c.request(T.RMDIR, str('hello.txt')),
        () => c.request(T.RMDIR, str('missing')),
      ),
  ],
  [
    'RENAME never onto an existing name, posix-rename onto it',
    (c) =>
      inTurn(
        () => c.request(T.RENAME, str('hello.txt'), str('setuid')),
        () => c.request(T.RENAME, str('hello.txt'), str('hello.txt')),
        () => c.request(T.RENAME, str('hello.txt'), str('moved')),
        () => c.request(T.RENAME, str('missing'), str('moved2')),
        () => c.request(T.RENAME, str('folder'), str('folder2')),
        () => c.request(T.RENAME, str('folder2'), str('moved')),
        () => c.request(T.RENAME, str('link'), str('link2')),
        () => c.request(T.RENAME, str('moved'), str('missing/x')),
        () => c.extended('posix-rename@openssh.com', str('moved'), str('setuid')),
        () => c.extended('posix-rename@openssh.com', str('folder2'), str('setuid')),
        () => c.extended('posix-rename@openssh.com', str('missing'), str('x')),
        async () => (await c.list('.')).map(({ name }) => name.toString()).sort(),
      ),
  ],
  [
    'READLINK, SYMLINK and hardlink',
    (c) =>
      inTurn(
        () => c.request(T.READLINK, str('link')),
        () => c.request(T.READLINK, str('hello.txt')),
        () => c.request(T.READLINK, str('missing')),
        () => c.request(T.SYMLINK, str('some/target'), str('new-link')),
        () => c.request(T.READLINK, str('new-link')),
        () => c.request(T.SYMLINK, str('x'), str('hello.txt')),
        () => c.extended('hardlink@openssh.com', str('hello.txt'), str('hard')),
        () => c.extended('hardlink@openssh.com', str('hello.txt'), str('setuid')),
        () => c.extended('hardlink@openssh.com', str('missing'), str('hard2')),
        () => c.extended('hardlink@openssh.com', str('folder'), str('hard3')),
        () => c.request(T.STAT, str('hard')),
      ),
  ],
  [
    'handles that are unknown, of the wrong kind, or closed',
    async (c) => {
      const file = await c.open('hello.txt', READ);
      const folder = await c.opendir('folder');
      await c.close(file);
      const wrong = [file, folder, Buffer.from('none'), Buffer.alloc(0), Buffer.alloc(300)];
      return inTurn(
        ...wrong.flatMap((handle) => [
          () => c.read(handle, 0, 10),
          () => c.write(handle, 0, 'x'),
          () => c.request(T.FSTAT, str(handle)),
          () => c.request(T.FSETSTAT, str(handle), attrs({ size: 1 })),
        ]),
        ...[file, Buffer.from('none')].flatMap((handle) => [
          () => c.request(T.READDIR, str(handle)),
          () => c.close(handle),
        ]),
      );
    },
  ],
  [
    'fsync, home-directory, users-groups-by-id, and an extension nobody has',
    async (c) => {
      const file = await c.open('hello.txt', READ | WRITE);
      return inTurn(
        () => c.extended('fsync@openssh.com', str(file)),
        () => c.extended('home-directory', str('root')),
        () => c.extended('home-directory', str('nobody-of-that-name')),
        () =>
          c.extended(
            'users-groups-by-id@openssh.com',
            str(Buffer.concat([u32(0), u32(1), u32(987654)])),
            str(Buffer.concat([u32(0), u32(987654)])),
          ),
        () => c.extended('users-groups-by-id@openssh.com', str(''), str('')),
        () => c.extended('nothing@example.org', str('x')),
      );
    },
  ],
  [
    'copy-data: all, a part, to a place',
    async (c) => {
      const source = await c.open('hello.txt', READ);
      const copy = (length: number, from: number, to: number, target: Buffer) =>
        c.extended('copy-data', str(source), u64(from), u64(length), str(target), u64(to));
      const target = await c.open('copied', READ | WRITE | CREAT);
      return inTurn(
        () => copy(0, 0, 0, target),
        () => copy(5, 7, 20, target),
        () => c.read(target, 0, 100),
        () => copy(0, 0, 0, source),
        () => copy(0, 0, 0, Buffer.from('none')),
      );
    },
  ],
  [
    'statvfs and fstatvfs, as far as they stand still',
    async (c) => {
      const file = await c.open('hello.txt', READ);
      const still = (reply: Reply) => {
        const [bsize, frsize, blocks, , , files, , , , , namemax] = numbersOf(reply);
        return { bsize, frsize, blocks, files, namemax };
      };
      return [
        still(await c.extended('statvfs@openssh.com', str('.'))),
        still(await c.extended('fstatvfs@openssh.com', str(file))),
        await c.extended('statvfs@openssh.com', str('missing')),
      ];
    },
  ],
  [
    'files beyond 4 GiB',
    async (c) => {
      const file = await c.open('large', READ | WRITE | CREAT);
      return inTurn(
        () => c.write(file, 5 * 2 ** 30, 'end'),
        () => c.read(file, 5 * 2 ** 30, 10),
        () => c.request(T.SETSTAT, str('large'), attrs({ size: 6 * 2 ** 30, times: [1, 2] })),
        () => c.request(T.STAT, str('large')),
      );
    },
  ],
];

test.each(CASES)('answers as OpenSSH does: %s', async (_sentence, requests) => {
  const [ours, reference] = await Promise.all([
    outcomesFrom(OUR_SERVER, requests),
    outcomesFrom(await referenceServer(), requests),
  ]);
  expect(ours).toEqual(reference);
});

test('announces what OpenSSH announces, in the same versions', async () => {
  await using tree = await makeTree();
  await using ours = await startServer(OUR_SERVER, tree.root);
  await using reference = await startServer(await referenceServer(), tree.root);
  const announced = await reference.client.init();
  expect(announced.length).toBeGreaterThan(0);
  expect(await ours.client.init()).toEqual(expect.arrayContaining(announced));
});

test('says FAILURE, not NO_SUCH_FILE, to a WRITE through a handle that was opened for reading', async () => {
  await using tree = await makeTree();
  await using ours = await startServer(OUR_SERVER, tree.root);
  const file = await ours.client.open('hello.txt', READ);
  expect(await ours.client.write(file, 0, 'x')).toMatchObject({ kind: 'status', code: STATUS.FAILURE });
});

test('says EOF when copy-data finds less than it was asked for', async () => {
  await using tree = await makeTree();
  await using ours = await startServer(OUR_SERVER, tree.root);
  const source = await ours.client.open('hello.txt', READ);
  const target = await ours.client.open('copied', READ | WRITE | CREAT);
  const reply = await ours.client.extended('copy-data', str(source), u64(0), u64(100), str(target), u64(0));
  expect(reply).toMatchObject({ kind: 'status', code: STATUS.EOF });
  expect(await ours.client.read(target, 0, 100)).toMatchObject({ data: Buffer.from('hello, world\n') });
});

async function outcomesFrom(command: readonly string[], requests: Requests): Promise<unknown> {
  await using tree = await makeTree();
  await using server = await startServer(command, tree.root);
  const outcomes = comparable(await requests(server.client, tree.root), tree.root);
  return { outcomes, answered: server.client.answered };
}

function byName(a: { name: Buffer }, b: { name: Buffer }): number {
  return Buffer.compare(a.name, b.name);
}
