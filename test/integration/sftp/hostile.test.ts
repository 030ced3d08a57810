// Bad SFTP input, with OpenSSH's server as the judge: what it answers we answer, and where it gives up we say why or end too.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  attrs,
  FLAG,
  packet,
  type Reply,
  type SftpClient,
  STATUS,
  str,
  T,
  u32,
  u64,
} from '../../support/sftp/sftp-client.ts';
import { openSftpConnection } from '../../support/sftp/sftp-pair.ts';
import { OUR_SERVER, referenceServer, startServer } from '../../support/sftp/sftp-programs.ts';
import { makeTree } from '../../support/sftp/sftp-tree.ts';

const { READ, WRITE, CREAT } = FLAG;

/** Whole requests, one for each type and extension; `FILE` and `FOLDER` stand where a handle belongs. */
const WHOLE: readonly [name: string, type: number, ...fields: (Buffer | 'FILE' | 'FOLDER')[]][] = [
  ['OPEN', T.OPEN, str('hello.txt'), u32(READ), attrs({ mode: 0o644 })],
  ['CLOSE', T.CLOSE, str('nope')],
  ['READ', T.READ, 'FILE', u64(0), u32(10)],
  ['WRITE', T.WRITE, str('nope'), u64(0), str('abc')],
  ['LSTAT', T.LSTAT, str('hello.txt')],
  ['FSTAT', T.FSTAT, 'FILE'],
  ['SETSTAT', T.SETSTAT, str('missing'), attrs({ size: 1, owner: [1, 2], mode: 0o600, times: [1, 2] })],
  ['FSETSTAT', T.FSETSTAT, str('nope'), attrs({ size: 1, owner: [1, 2], mode: 0o600, times: [1, 2] })],
  ['OPENDIR', T.OPENDIR, str('folder')],
  ['READDIR', T.READDIR, str('nope')],
  ['REMOVE', T.REMOVE, str('missing')],
  ['MKDIR', T.MKDIR, str('no/such'), attrs({ mode: 0o700 })],
  ['RMDIR', T.RMDIR, str('missing')],
  ['REALPATH', T.REALPATH, str('folder')],
  ['STAT', T.STAT, str('hello.txt')],
  ['RENAME', T.RENAME, str('missing'), str('other')],
  ['READLINK', T.READLINK, str('link')],
  ['SYMLINK', T.SYMLINK, str('x'), str('no/such')],
  ['posix-rename', T.EXTENDED, str('posix-rename@openssh.com'), str('missing'), str('other')],
  ['statvfs', T.EXTENDED, str('statvfs@openssh.com'), str('missing')],
  ['fstatvfs', T.EXTENDED, str('fstatvfs@openssh.com'), str('nope')],
  ['hardlink', T.EXTENDED, str('hardlink@openssh.com'), str('missing'), str('other')],
  ['fsync', T.EXTENDED, str('fsync@openssh.com'), str('nope')],
  ['lsetstat', T.EXTENDED, str('lsetstat@openssh.com'), str('missing'), attrs({ times: [1, 2] })],
  ['expand-path', T.EXTENDED, str('expand-path@openssh.com'), str('~/x')],
  ['copy-data', T.EXTENDED, str('copy-data'), 'FILE', u64(0), u64(1), str('nope'), u64(0)],
  ['home-directory', T.EXTENDED, str('home-directory'), str('root')],
  ['users-groups-by-id', T.EXTENDED, str('users-groups-by-id@openssh.com'), str(u32(0)), str(u32(0))],
];

type Answer = { readonly kind: string; readonly code?: number } | 'ended';

test.each(WHOLE)(
  'answers %s, cut at every byte, as OpenSSH does or with BAD_MESSAGE',
  async (_name, type, ...fields) => {
    const server = await referenceServer();
    await using tree = await makeTree();
    await using ours = await openSftpConnection();
    const whole = await bodyOf(ours.client, fields);
    for (let cut = 0; cut <= whole.length; cut++) {
      const judge = await judged(server, tree.root, type, fields, cut);
      const answer = await answered(ours.client, type, whole.subarray(0, cut));
      // sshd's server ends the whole connection on what it cannot read; we say so and go on.
      expect(answer, `cut at ${cut} of ${whole.length}`).toEqual(
        judge === 'ended' ? { kind: 'status', code: STATUS.BAD_MESSAGE } : judge,
      );
    }
    expect(await ours.client.request(T.STAT, str('hello.txt'))).toMatchObject({ kind: 'attributes' });
  },
  60_000,
);

/** Between 4 TiB and 8 PiB it is the file system that decides, and only some see it before they look for the end. */
const EDGES = [2n ** 31n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 2048n, 2n ** 63n, 2n ** 64n - 1n];

test.each(EDGES)('answers requests at %d as OpenSSH does', async (edge) => {
  await using ourTree = await makeTree();
  await using theirTree = await makeTree();
  await using ours = await startServer(OUR_SERVER, ourTree.root);
  await using theirs = await startServer(await referenceServer(), theirTree.root);
  expect(await atEdge(ours.client, edge)).toEqual(await atEdge(theirs.client, edge));
  expect(await treeOf(ourTree.root)).toEqual(await treeOf(theirTree.root));
});

test('knows no handle of another connection', async () => {
  await using one = await openSftpConnection();
  await using other = await openSftpConnection();
  const handle = await one.client.open('hello.txt', READ);
  expect(await other.client.read(handle, 0, 10)).toMatchObject({ kind: 'status', code: STATUS.FAILURE });
  expect(await other.client.close(handle)).toMatchObject({ kind: 'status', code: STATUS.NO_SUCH_FILE });
  expect(await one.client.read(handle, 0, 5)).toEqual({ kind: 'data', data: Buffer.from('hello') });
});

async function atEdge(client: SftpClient, edge: bigint): Promise<unknown[]> {
  const file = await client.open('edge', READ | WRITE | CREAT);
  const source = await client.open('hello.txt', READ);
  const size = Buffer.concat([u32(1), u64(edge)]);
  const outcomes: Reply[] = [
    await client.read(source, edge, 10),
    await client.write(file, edge, 'x'),
    await client.write(file, edge, ''),
    await client.request(T.FSETSTAT, str(file), size),
    await client.request(T.SETSTAT, str('edge'), size),
    await client.request(T.OPEN, str('made'), u32(WRITE | CREAT), size),
    await client.extended('copy-data', str(source), u64(0), u64(edge), str(file), u64(0)),
    await client.extended('copy-data', str(source), u64(0), u64(1), str(file), u64(edge)),
  ];
  return outcomes.map((reply) => (reply.kind === 'status' ? reply.code : reply.kind));
}

async function bodyOf(client: SftpClient, fields: readonly (Buffer | 'FILE' | 'FOLDER')[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const field of fields) {
    if (field === 'FILE') parts.push(str(await client.open('hello.txt', READ)));
    else if (field === 'FOLDER') parts.push(str(await client.opendir('folder')));
    else parts.push(field);
  }
  return Buffer.concat(parts);
}

/** What OpenSSH's server says to the first `cut` bytes of the fields; a new server each time, as it ends on most. */
async function judged(
  server: readonly string[],
  root: string,
  type: number,
  fields: readonly (Buffer | 'FILE' | 'FOLDER')[],
  cut: number,
): Promise<Answer> {
  await using reference = await startServer(server, root, { quiet: true });
  const body = await bodyOf(reference.client, fields);
  return await answered(reference.client, type, body.subarray(0, cut));
}

async function answered(client: SftpClient, type: number, body: Buffer): Promise<Answer> {
  const reply = await client.request(type, body).catch(() => 'ended' as const);
  if (reply === 'ended') return reply;
  return reply.kind === 'status' ? { kind: reply.kind, code: reply.code } : { kind: reply.kind };
}

async function treeOf(root: string): Promise<unknown[]> {
  const names = await readdir(root, { encoding: 'latin1' });
  const entries = names.sort().map(async (name) => {
    const path = Buffer.from(join(root, name), 'latin1');
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile() !== true) return [name];
    const content =
      stats.size < 1_000_000
        ? createHash('sha256')
            .update(await readFile(path))
            .digest('hex')
        : '';
    return [name, stats.size, content];
  });
  return await Promise.all(entries);
}

test('takes 10,000 requests pipelined before the first reply is read, and answers each', async () => {
  await using tree = await makeTree();
  await using ours = await startServer(OUR_SERVER, tree.root);
  const { client } = ours;
  const handle = await client.open('hello.txt', READ);
  const before = client.answered.length;
  ours.process.stdout?.pause();
  const asked = 10_000;
  const ids = Array.from({ length: asked }, (_, index) => 100_000 + index);
  client.sendRaw(Buffer.concat(ids.map((id) => packet(T.READ, u32(id), str(handle), u64(0), u32(13)))));
  ours.process.stdout?.resume();
  await client.request(T.STAT, str('hello.txt'));
  expect(client.answered.slice(before, before + asked)).toEqual(ids);
});
