// SFTP servers with bad intent: names that lead elsewhere, sizes that are none, answers to nothing, folders without end.
import { expect, test } from 'vitest';
import { FileFault, type PageFiles } from '../../../../services/clients/browser/job/job-files.ts';
import { MAX_WRITE_AHEAD_BYTES } from '../../../../services/clients/browser/sftp/file-writer.ts';
import { MAX_FOLDER_ENTRIES, openSftp } from '../../../../services/clients/browser/sftp/sftp-files.ts';
import type { Channel } from '../../../../services/clients/browser/ssh/channels/channel.ts';
import type { ChannelPiece } from '../../../../services/clients/browser/ssh/channels/channel-piece.ts';
import { wireString, wireUint32 } from '../../../../services/shared/ssh/strings.ts';

type Answer = (id: Buffer, request: Buffer) => Buffer | Promise<Buffer> | undefined;

/** A channel whose other end answers each request by its type; what has no answer hears "no such file". */
function channelTo(answers: Readonly<Record<number, Answer>>): Channel {
  const pieces: ChannelPiece[] = [];
  let wake: (() => void) | undefined;
  const state = { isClosed: false };
  const say = (bytes: Buffer): void => {
    pieces.push({ from: 'stdout', bytes });
    wake?.();
  };
  const channel = {
    async write(packet: Uint8Array) {
      const request = Buffer.from(packet).subarray(4);
      if (request[0] === 1) return say(message(2, wireUint32(3)));
      const id = request.subarray(1, 5);
      const answer = answers[request[0] ?? 0];
      const said = answer === undefined ? status(id, 2) : answer(id, request);
      // What comes late holds nothing up.
      if (said instanceof Promise) void said.then(say);
      else if (said !== undefined) say(said);
    },
    async read() {
      while (pieces.length === 0 && !state.isClosed) await new Promise<void>((resolve) => (wake = resolve));
      return pieces.shift();
    },
    close() {
      state.isClosed = true;
      wake?.();
    },
  };
  return channel as unknown as Channel;
}

function message(type: number, ...parts: readonly Buffer[]): Buffer {
  return wireString(Buffer.concat([Buffer.of(type), ...parts]));
}

const status = (id: Buffer, code: number): Buffer =>
  message(101, id, wireUint32(code), wireString(''), wireString(''));
const handle = (id: Buffer): Buffer => message(102, id, wireString('h'));
const entry = (name: string | Buffer, attributes = wireUint32(0)): Buffer =>
  Buffer.concat([wireString(name), wireString('long name'), attributes]);

async function faultOf(doing: Promise<unknown>): Promise<string | undefined> {
  return await doing.then(
    () => undefined,
    (thrown: unknown) => (thrown instanceof FileFault ? thrown.code : String(thrown)),
  );
}

async function listed(names: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const left = [...names];
  const files = await openSftp(
    channelTo({
      11: handle,
      12: (id) => {
        const some = left.splice(0, 1_000);
        if (some.length === 0) return status(id, 1);
        return message(104, id, wireUint32(some.length), ...some.map((name) => entry(name)));
      },
    }),
  );
  const { entries } = await files.list('/x');
  return entries.map(({ name }) => name.rawTextToParse());
}

test('a name that would lead somewhere else is no entry', async () => {
  expect(await listed(['.', '..', '', '../etc', 'a/b', '/etc', 'nul\0', 'good', '..good', ' '])).toEqual([
    'good',
    '..good',
    ' ',
  ]);
});

test('names are kept as they are, for those who know how to show them', async () => {
  const hostile = ['<img src=x onerror=alert(1)>', '\u001b]0;title\u0007', '\u202egpj.exe'];
  expect(await listed(hostile)).toEqual(hostile);
});

test('a folder without end is cut off, and that is said', async () => {
  const many = Array.from({ length: 500 }, (_none, at) => entry(`file-${at}`));
  const files = await openSftp(
    channelTo({ 11: handle, 12: (id) => message(104, id, wireUint32(many.length), ...many) }),
  );
  const { entries, isWhole } = await files.list('/');
  expect([entries.length, isWhole]).toEqual([MAX_FOLDER_ENTRIES, false]);
});

test.each<[string, readonly Buffer[]]>([
  ['nothing', []],
  ['nothing but itself', [entry('.')]],
  ['names that lead elsewhere', [entry('../a'), entry('..')]],
])('a folder that has %s, again and again, ends', async (_what, names) => {
  const files = await openSftp(
    channelTo({ 11: handle, 12: (id) => message(104, id, wireUint32(names.length), ...names) }),
  );
  expect(await files.list('/')).toEqual({ entries: [], isWhole: false });
});

test('a folder of exactly as many entries as one may have is whole', async () => {
  const names = ['.', '..', ...Array.from({ length: MAX_FOLDER_ENTRIES }, (_none, at) => `${at}`)];
  expect(await listed(names)).toHaveLength(MAX_FOLDER_ENTRIES);
});

test('a file without end stays at the pace of whoever reads it', async () => {
  let asked = 0;
  const files = await openSftp(
    channelTo({
      3: handle,
      8: (id) => message(105, id, wireUint32(1), wireUint32(2 ** 20), wireUint32(0)),
      5: (id, request) => {
        asked += 1;
        return message(103, id, wireString(Buffer.alloc(request.readUInt32BE(request.length - 4))));
      },
    }),
  );
  const reader = (await files.read('/dev/zero')).getReader();
  await reader.read();
  expect(asked).toBeLessThanOrEqual(66);
  await reader.cancel();
});

async function openHostile(answers: Readonly<Record<number, Answer>>): Promise<PageFiles> {
  return await openSftp(channelTo({ 3: handle, 8: (id) => message(105, id, wireUint32(0)), ...answers }));
}

test.each<[string, Readonly<Record<number, Answer>>]>([
  ['an answer to nothing', { 17: () => message(105, wireUint32(999), wireUint32(0)) }],
  ['a message over its limit', { 17: () => Buffer.concat([wireUint32(2 ** 28), Buffer.alloc(16)]) }],
  ['a message that is too short', { 17: () => wireUint32(3) }],
  ['attributes that end early', { 17: (id) => message(105, id, wireUint32(1), Buffer.alloc(3)) }],
  ['a size over 2^53', { 17: (id) => message(105, id, wireUint32(1), wireUint32(2 ** 31), wireUint32(0)) }],
  [
    'a million extended attributes',
    { 17: (id) => message(105, id, wireUint32(2 ** 31), wireUint32(1_000_000)) },
  ],
  ['another type', { 17: (id) => message(104, id, wireUint32(0)) }],
  ['a yes without the answer', { 17: (id) => status(id, 0) }],
])('%s is a bad answer', async (_what, answers) => {
  const files = await openHostile(answers);
  expect(await faultOf(files.stat('/x'))).toBe('bad_answer');
});

test('more bytes than were asked for are a bad answer', async () => {
  const files = await openHostile({ 5: (id) => message(103, id, wireString(Buffer.alloc(200_000))) });
  expect(await faultOf(new Response(await files.read('/x')).arrayBuffer())).toBe('bad_answer');
});

test('the end of the channel is told to whoever waits, and to those who come later', async () => {
  const channel = channelTo({ 17: () => undefined });
  const files = await openSftp(channel);
  const waiting = faultOf(files.stat('/x'));
  expect(files.isOver).toBe(false);
  channel.close();
  expect(await waiting).toBe('closed');
  expect([files.isOver, await faultOf(files.stat('/x'))]).toEqual([true, 'closed']);
});

/** What a host hears, by type, whose answers to `slowType` wait for `release`. */
async function openSlow(slowType: number, slowAnswer: (id: Buffer) => Buffer) {
  const heard: number[] = [];
  const released = Promise.withResolvers<void>();
  const hearing = (answer: Answer) => (id: Buffer, request: Buffer) => {
    heard.push(request[0] ?? 0);
    return answer(id, request);
  };
  const files = await openHostile({
    4: hearing((id) => status(id, 0)),
    [slowType]: hearing(async (id) => {
      await released.promise;
      return slowAnswer(id);
    }),
  });
  /** Answers all of them, and returns when whoever waited has had the time to go on. */
  const release = async (): Promise<void> => {
    released.resolve();
    for (let round = 0; round < 3; round += 1) await faultOf(files.stat('/nothing'));
  };
  return { files, heard, release };
}

const [CLOSE, READ, WRITE] = [4, 5, 6];

test('a write that was given up while it waited sends nothing more: the handle may be of another file by then', async () => {
  const { files, heard, release } = await openSlow(WRITE, (id) => status(id, 0));
  const giveUp = new AbortController();
  const writer = (await files.write('/x', { signal: giveUp.signal })).getWriter();
  const ended = faultOf(writer.closed);
  const written = faultOf(writer.write(new Uint8Array(2 * MAX_WRITE_AHEAD_BYTES)));
  await faultOf(files.stat('/nothing'));
  giveUp.abort();
  await release();
  expect([await written, await ended]).toEqual(['aborted', 'aborted']);
  expect(heard.length).toBeGreaterThan(1);
  expect(heard.indexOf(CLOSE)).toBe(heard.length - 1);
});

test('a file whose disk is full is closed, and once', async () => {
  const { files, heard, release } = await openSlow(WRITE, (id) => status(id, 4));
  const writer = (await files.write('/x')).getWriter();
  const ended = faultOf(writer.closed);
  await writer.write(Uint8Array.of(1));
  await release();
  expect(await faultOf(writer.write(Uint8Array.of(2)))).toBe('failure');
  expect(await ended).toBe('failure');
  await writer.abort().catch(() => undefined);
  await release();
  expect(heard).toEqual([WRITE, CLOSE]);
});

test('a file that is given up at its end is closed once', async () => {
  const { files, heard, release } = await openSlow(READ, (id) => status(id, 1));
  const giveUp = new AbortController();
  const reader = (await files.read('/x', { signal: giveUp.signal })).getReader();
  const read = faultOf(reader.read());
  await faultOf(files.stat('/nothing'));
  giveUp.abort();
  await release();
  expect(await read).toBe('aborted');
  expect(heard).toEqual([READ, CLOSE]);
});
