// The order of SFTP replies: that of the requests, whatever is done first, as OpenSSH's server has it.
import * as fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import {
  attrs,
  FLAG,
  packet,
  type Reply,
  type SftpClient,
  str,
  T,
  u32,
  u64,
} from '../../support/sftp/sftp-client.ts';
import { comparable } from '../../support/sftp/sftp-comparison.ts';
import { openSftpConnection } from '../../support/sftp/sftp-pair.ts';
import { referenceServer, startServer } from '../../support/sftp/sftp-programs.ts';
import { makeTree } from '../../support/sftp/sftp-tree.ts';

// Every call on an open file comes back after a number of turns of its own, so that requests overtake one another.
vi.mock('node:fs', async (importOriginal) => {
  type Call = (...args: unknown[]) => void;
  const original = await importOriginal<Record<string, Call>>();
  let state = 1;
  const turns = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % 12;
  };
  const delayed = ['open', 'close', 'read', 'write', 'fstat', 'fsync', 'ftruncate'].map((name) => [
    name,
    (...args: unknown[]) => {
      const callback = args.pop() as Call;
      original[name]?.(...args, async (...outcome: unknown[]) => {
        for (let left = turns(); left > 0; left -= 1) await new Promise(setImmediate);
        callback(...outcome);
      });
    },
  ]);
  return { ...original, ...Object.fromEntries(delayed) };
});

/** Requests of one list; more than either server holds unread, so that back-pressure has a part in it. */
const REQUESTS_PER_LIST = 400;
const LISTS = 12;

type Place = 'a' | 'b' | 'folder';
/** A request as data: a place stands for the handle that is open there. */
type Request = readonly [type: number, ...fields: (Buffer | Place)[]];

const offset = fc.nat({ max: 200_000 }).map((at) => u64(at));
const count = fc.nat({ max: 40_000 }).map((length) => u32(length));
const file = fc.constantFrom<Place>('a', 'b');
/** Also a name longer than any file system takes. */
const path = fc
  .constantFrom('hello.txt', 'folder', 'missing', 'a', 'link', 'folder/inner', 'x'.repeat(300))
  .map((name) => str(name));
/** No links: onto one that dangles OpenSSH renames, and we never rename onto a name that is taken. */
const filePath = fc.constantFrom('hello.txt', 'missing', 'a', 'folder/inner').map((name) => str(name));
const data = fc
  .tuple(fc.nat({ max: 40_000 }), fc.nat({ max: 255 }))
  .map(([length, byte]) => str(Buffer.alloc(length, byte)));
const size = fc.nat({ max: 40_000 }).map((bytes) => attrs({ size: bytes }));

const requests: fc.Arbitrary<Request> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant(T.READ), file, offset, count) },
  { weight: 6, arbitrary: fc.tuple(fc.constant(T.WRITE), file, offset, data) },
  fc.tuple(fc.constant(T.FSTAT), file),
  fc.tuple(fc.constant(T.FSETSTAT), file, size),
  fc.tuple(fc.constantFrom(T.STAT, T.LSTAT, T.REALPATH, T.READLINK), path),
  fc.tuple(fc.constant(T.RENAME), filePath, filePath),
  // What is refused has its place too. (An unknown type gets no answer from OpenSSH's server, so it is not here.)
  fc.constantFrom<Request>(
    [T.EXTENDED, str('nothing@example.org')],
    [T.READ, str('none'), u64(0), u32(10)],
    [T.OPEN, str('no-such/file'), u32(FLAG.READ), attrs()],
    [T.READ, 'folder', u64(0), u32(10)],
    [T.EXTENDED, str('fsync@openssh.com'), 'a'],
  ),
);

test('has every reply in its place, and equal to that of a server that does one after the other', async () => {
  const server = await referenceServer();
  await fc.assert(
    fc.asyncProperty(
      fc.array(requests, { minLength: REQUESTS_PER_LIST, maxLength: REQUESTS_PER_LIST, size: 'max' }),
      async (list) => {
        await using connection = await openSftpConnection();
        const ours = await outcomes(connection.client, list, connection.root);
        await using tree = await makeTree();
        await using reference = await startServer(server, tree.root);
        const theirs = await outcomes(reference.client, list, tree.root);
        expect(ours.answered).toEqual(ours.asked);
        expect(theirs.answered).toEqual(theirs.asked);
        // One at a time: the difference of two whole lists would be megabytes.
        for (const [index, reply] of ours.replies.entries()) {
          expect(reply, `reply to ${nameOf(list[index])}`).toEqual(theirs.replies[index]);
        }
      },
    ),
    { numRuns: LISTS, endOnFailure: true },
  );
}, 120_000);

test('answers twice, in turn, where a client uses an id again before it was answered', async () => {
  await using connection = await openSftpConnection();
  const { client } = connection;
  const handle = await client.open('hello.txt', FLAG.READ);
  const before = client.answered.length;
  const read = packet(T.READ, u32(7), str(handle), u64(0), u32(5));
  client.sendRaw(Buffer.concat([read, packet(77, u32(7)), packet(77, u32(7))]));
  await client.request(T.STAT, str('hello.txt'));
  expect(client.answered.slice(before, before + 3)).toEqual([7, 7, 7]);
});

async function outcomes(client: SftpClient, list: readonly Request[], root: string) {
  const handles = {
    a: await client.open('a', FLAG.READ | FLAG.WRITE | FLAG.CREAT),
    b: await client.open('b', FLAG.READ | FLAG.WRITE | FLAG.CREAT),
    folder: await client.opendir('folder'),
  };
  const before = client.answered.length;
  const replies = list.map(([type, ...fields]) => {
    const bytes = fields.map((field) => (typeof field === 'string' ? str(handles[field]) : field));
    return client.request(type, ...bytes);
  });
  const values = (await Promise.all(replies)).map((reply) => comparable(withoutAccess(reply), root));
  const answered = client.answered.slice(before);
  return { replies: values, answered, asked: list.map((_, index) => before + 1 + index) };
}

/** When a link was last followed is the one thing that requests tell whose order does not count. */
function withoutAccess(reply: Reply): Reply {
  const { times } = reply.kind === 'attributes' ? reply.attributes : {};
  if (reply.kind !== 'attributes' || times === undefined) return reply;
  return { ...reply, attributes: { ...reply.attributes, times: [0, times[1]] } };
}

function nameOf(request: Request | undefined): string {
  const [type, ...fields] = request ?? [0];
  const names = fields.map((field) => (typeof field === 'string' ? field : field.toString('hex', 0, 24)));
  return `type ${type}: ${names.join(' ')}`;
}
