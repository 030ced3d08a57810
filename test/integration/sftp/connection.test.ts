// An SFTP connection on a bare channel: order, limits, bad input, and its end.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readlink, writeFile } from 'node:fs/promises';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import {
  MAX_OPEN_HANDLES,
  MAX_PACKET_BYTES,
  MAX_TRANSFER_BYTES,
  MAX_UNANSWERED_REQUESTS,
} from '../../../services/agent/sftp/limits.ts';
import { serveSftp } from '../../../services/agent/sftp/sftp-connection.ts';
import {
  attrs,
  FLAG,
  numbersOf,
  packet,
  SftpClient,
  STATUS,
  str,
  T,
  u32,
  u64,
} from '../../support/sftp/sftp-client.ts';
import { openSftpConnection, sftpOptionsFor } from '../../support/sftp/sftp-pair.ts';
import { OUR_SERVER, startServer } from '../../support/sftp/sftp-programs.ts';
import { makeTree } from '../../support/sftp/sftp-tree.ts';
import { until } from '../../support/time/poll.ts';

const { READ, WRITE, APPEND, CREAT, TRUNC } = FLAG;

test('gives pipelined requests the outcome of a server that does one after the other', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  const file = await client.open('w', READ | WRITE | CREAT);
  const replies = await Promise.all([
    ...Array.from({ length: 40 }, (_, index) => client.write(file, index * 1000, Buffer.alloc(1000, index))),
    client.request(T.FSTAT, str(file)),
    client.request(T.STAT, str('w')),
    client.read(file, 39_000, 2000),
    client.request(T.FSETSTAT, str(file), attrs({ size: 10 })),
    client.read(file, 0, 100),
    client.write(file, 0, 'aaaa'),
    client.write(file, 2, 'bbbb'),
    client.read(file, 0, 6),
    client.close(file),
    client.read(file, 0, 6),
    client.request(T.RENAME, str('w'), str('w2')),
    client.request(T.STAT, str('w')),
    client.request(T.STAT, str('w2')),
  ]);
  expect(replies.slice(40)).toEqual([
    expect.objectContaining({ attributes: expect.objectContaining({ size: 40_000 }) }),
    expect.objectContaining({ attributes: expect.objectContaining({ size: 40_000 }) }),
    { kind: 'data', data: Buffer.alloc(1000, 39) },
    expect.objectContaining({ code: STATUS.OK }),
    { kind: 'data', data: Buffer.alloc(10, 0) },
    expect.objectContaining({ code: STATUS.OK }),
    expect.objectContaining({ code: STATUS.OK }),
    { kind: 'data', data: Buffer.from('aabbbb') },
    expect.objectContaining({ code: STATUS.OK }),
    expect.objectContaining({ code: STATUS.FAILURE }),
    expect.objectContaining({ code: STATUS.OK }),
    expect.objectContaining({ code: STATUS.NO_SUCH_FILE }),
    expect.objectContaining({ attributes: expect.objectContaining({ size: 10 }) }),
  ]);
});

test('lets a reader through one handle see what was written through another before it', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  const [writer, reader] = [await client.open('w', WRITE | CREAT), await client.open('w', READ)];
  for (let round = 0; round < 20; round += 1) {
    const data = Buffer.alloc(MAX_TRANSFER_BYTES, round);
    const [, read] = await Promise.all([
      client.write(writer, round * data.length, data),
      client.read(reader, round * data.length, data.length),
    ]);
    expect(read).toEqual({ kind: 'data', data });
  }
});

test('keeps pipelined appends in order', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  const file = await client.open('w', WRITE | CREAT | APPEND);
  await Promise.all(Array.from({ length: 50 }, (_, index) => client.write(file, 0, `${index},`)));
  const text = Array.from({ length: 50 }, (_, index) => `${index},`).join('');
  expect(await client.read(await client.open('w', READ), 0, 1000)).toEqual({
    kind: 'data',
    data: Buffer.from(text),
  });
});

test('lists 10,000 entries once each, also when READDIRs are pipelined', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  await client.request(T.MKDIR, str('many'), attrs());
  const names = Array.from({ length: 10_000 }, (_, index) => `file-${index}`);
  await Promise.all(names.map((name) => writeFile(`${connection.root}/many/${name}`, '')));
  const handle = await client.opendir('many');
  const found: string[] = [];
  for (let finished = false; !finished; ) {
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => client.request(T.READDIR, str(handle))),
    );
    finished = replies.some(({ kind }) => kind === 'status');
    found.push(
      ...replies.flatMap((reply) =>
        reply.kind === 'name' ? reply.names.map(({ name }) => name.toString()) : [],
      ),
    );
  }
  expect(found.sort()).toEqual(['.', '..', ...names].sort());
});

test('names a full disk', async () => {
  await using connection = await openSftpConnection();
  const full = await connection.client.open('/dev/full', WRITE);
  expect(await connection.client.write(full, 0, 'x')).toEqual({
    kind: 'status',
    code: STATUS.FAILURE,
    message: '/dev/full: no space left on device',
  });
});

test('names a permission that is missing', async () => {
  await using server = await startServer(OUR_SERVER, '/tmp', process.getuid?.() === 0 ? { uid: 65_534 } : {});
  expect(await server.client.request(T.OPEN, str('/etc/shadow'), u32(READ), attrs())).toEqual({
    kind: 'status',
    code: STATUS.PERMISSION_DENIED,
    message: '/etc/shadow: permission denied',
  });
});

test('does not wait for the other end of a FIFO', async () => {
  await using connection = await openSftpConnection();
  execFileSync('mkfifo', [`${connection.root}/fifo`]);
  const handle = await connection.client.open('fifo', READ);
  expect(await connection.client.read(handle, 0, 10)).toMatchObject({ code: STATUS.FAILURE });
});

test('refuses more handles than it announces, and has room again after a CLOSE', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  const limits = await client.extended('limits@openssh.com');
  expect(numbersOf(limits)).toEqual([
    MAX_PACKET_BYTES,
    MAX_TRANSFER_BYTES,
    MAX_TRANSFER_BYTES,
    MAX_OPEN_HANDLES,
  ]);
  const handles = await Promise.all(
    Array.from({ length: MAX_OPEN_HANDLES }, () => client.open('hello.txt', READ)),
  );
  const open = () => client.request(T.OPEN, str('hello.txt'), u32(READ), attrs());
  expect(await open()).toMatchObject({
    code: STATUS.FAILURE,
    message: expect.stringContaining('too many open handles'),
  });
  await client.close(handles[0] ?? Buffer.alloc(0));
  expect(await open()).toMatchObject({ kind: 'handle' });
});

test.each([
  ['a packet cut short', T.OPEN, [str('x')]],
  ['a string longer than its packet', T.LSTAT, [u32(1000), Buffer.from('short')]],
  ['attributes cut short', T.SETSTAT, [str('hello.txt'), u32(0xf), u32(1)]],
  [
    'more extended attributes than there are',
    T.SETSTAT,
    [str('hello.txt'), u32(0x80000000), u32(0xffffffff)],
  ],
  ['a path with a NUL byte', T.STAT, [str('a\0b')]],
  ['no fields at all', T.WRITE, []],
  ['an odd list of ids', T.EXTENDED, [str('users-groups-by-id@openssh.com'), str('abc'), str('')]],
] as const)('answers %s with BAD_MESSAGE and goes on', async (_what, type, fields) => {
  await using connection = await openSftpConnection();
  expect(await connection.client.request(type, ...fields)).toMatchObject({ code: STATUS.BAD_MESSAGE });
  expect(await connection.client.request(T.STAT, str('hello.txt'))).toMatchObject({ kind: 'attributes' });
});

test('answers a type of no version 3 with OP_UNSUPPORTED', async () => {
  await using connection = await openSftpConnection();
  expect(await connection.client.request(99)).toMatchObject({ code: STATUS.OP_UNSUPPORTED });
});

test('names an offset that it cannot hold exactly', async () => {
  await using connection = await openSftpConnection();
  const file = await connection.client.open('hello.txt', READ);
  const reply = await connection.client.read(file, 2n ** 53n, 10);
  const message = expect.stringContaining('9007199254740992');
  expect(reply).toMatchObject({ code: STATUS.BAD_MESSAGE, message });
});

test.each([
  ['a length over the limit', u32(MAX_PACKET_BYTES + 1)],
  ['a length of 0', u32(0)],
  ['a packet too short for an id', packet(T.STAT, Buffer.alloc(2))],
])('ends the channel on %s', async (_what, bytes) => {
  await using connection = await openSftpConnection();
  connection.client.sendRaw(bytes);
  expect(await connection.done).toBe('protocol-fault');
  await connection.client.ended;
});

test('ends the channel on a request before INIT', async () => {
  const [near, far] = duplexPair();
  const service = serveSftp(near, sftpOptionsFor('/'));
  far.resume().write(packet(T.STAT, u32(1), str('/')));
  expect(await service.done).toBe('protocol-fault');
  await once(far, 'end');
});

test('does what was asked before the client ended its side, and answers it', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  const file = await client.open('w', WRITE | CREAT | TRUNC);
  const writes = Array.from({ length: 200 }, (_, index) => client.write(file, index * 10, 'x'.repeat(10)));
  client.end();
  expect(await Promise.all(writes)).toHaveLength(200);
  expect(await connection.done).toBe('client-left');
});

test('closes every handle when the channel is destroyed', async () => {
  await using connection = await openSftpConnection();
  const opens = [1, 2, 3].map(() => connection.client.open('hello.txt', READ));
  await Promise.all([...opens, connection.client.opendir('folder')]);
  expect(await openPathsBelow(connection.root)).toHaveLength(4);
  connection.channel.destroy();
  expect(await connection.done).toBe('channel-closed');
  expect(await openPathsBelow(connection.root)).toEqual([]);
});

test('can be stopped twice, with requests under way', async () => {
  await using connection = await openSftpConnection();
  const file = await connection.client.open('w', WRITE | CREAT);
  const lost = Promise.allSettled(
    Array.from({ length: 30 }, () => connection.client.write(file, 0, Buffer.alloc(100_000))),
  );
  connection.stop();
  connection.stop();
  expect(await connection.done).toBe('stopped');
  await connection.client.ended;
  await lost;
  expect(await openPathsBelow(connection.root)).toEqual([]);
});

test('works on no further requests while the client takes no replies', async () => {
  await using tree = await makeTree();
  const [near, far] = duplexPair({ highWaterMark: 64 * 1024 });
  let requests = 0;
  const service = serveSftp(near, { ...sftpOptionsFor(tree.root), onActivity: () => (requests += 1) });
  far.write(packet(1, u32(3)));
  far.write(packet(T.OPEN, u32(1), str('big'), u32(READ | WRITE | CREAT), attrs()));
  far.write(packet(T.FSETSTAT, u32(2), str(u32(1)), attrs({ size: 1e9 })));
  const asked = 2000;
  for (let index = 0; index < asked; index += 1) {
    far.write(
      packet(T.READ, u32(3 + index), str(u32(1)), u64(index * MAX_TRANSFER_BYTES), u32(MAX_TRANSFER_BYTES)),
    );
  }
  await until('it waits', () => near.isPaused());
  // Whatever could go on would be done by the time that so many later file operations are.
  for (let round = 0; round < 300; round += 1) await readlink('/proc/self/exe');
  expect(near.isPaused()).toBe(true);
  expect(requests).toBeLessThan(200);
  expect(near.writableLength).toBeLessThan((MAX_UNANSWERED_REQUESTS + 1) * MAX_TRANSFER_BYTES);
  const client = new SftpClient(far, far);
  await until('all is answered', () => client.answered.length === asked + 2, 30_000);
  service.stop();
  await service.done;
});

/** What this process has open below a folder. */
async function openPathsBelow(root: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd');
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(root));
}
