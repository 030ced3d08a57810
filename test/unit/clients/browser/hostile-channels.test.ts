// Channels against a host that is played by hand: windows are kept by both, and a host that keeps none is refused.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Channel } from '../../../../services/clients/browser/ssh/channels/channel.ts';
import {
  MAX_CHANNELS,
  MAX_UNANSWERED,
} from '../../../../services/clients/browser/ssh/channels/connection.ts';
import { openSession } from '../../../../services/clients/browser/ssh/channels/session.ts';
import {
  MAX_HELD_BYTES,
  MAX_PRESSED_BYTES,
} from '../../../../services/clients/browser/ssh/transport/ssh-transport.ts';
import { WireReader, wireString, wireUint32 } from '../../../../services/shared/ssh/strings.ts';
import { type PageSession, startPageSession } from '../../../support/page-client/page-session.ts';
import { ScriptedHost } from '../../../support/page-client/scripted-host.ts';

interface Open {
  readonly host: ScriptedHost;
  readonly page: PageSession;
  readonly channel: Channel;
}

/** The host knows the channel as 7, the client as 0. */
async function opened(ours: number, windowBytes = 2 ** 20, packetBytes = 32_768): Promise<Open> {
  const host = new ScriptedHost();
  const starting = startPageSession(host.line, { windowBytes: ours });
  await host.exchange();
  await host.letIn();
  const page = await starting;
  const opening = page.connection.open('session');
  await host.takeChannel(windowBytes, packetBytes);
  const outcome = await opening;
  if (outcome.kind !== 'open') throw new Error('the channel was refused');
  return { host, page, channel: outcome.channel };
}

const message = (number: number, ...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(number), wireUint32(0), ...parts]);
const data = (bytes: Buffer): Buffer => message(94, wireString(bytes));

async function readAll(channel: Channel): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let piece = await channel.read(); piece !== undefined; piece = await channel.read())
    pieces.push(piece.bytes);
  return Buffer.concat(pieces);
}

test('what nobody reads is not asked for; what is read is, in steps', async () => {
  const { host, channel } = await opened(1_000);
  host.send(data(Buffer.alloc(1_000, 1)));
  host.send(Buffer.concat([Buffer.of(80), wireString('alive'), Buffer.of(1)]));
  // Nothing in between: no room was given while the thousand bytes lay there.
  expect((await host.next())[0]).toBe(82);
  expect(channel.waitingBytes).toBe(1_000);
  const piece = await channel.read();
  expect(piece?.bytes).toHaveLength(1_000);
  const adjust = await host.next();
  expect([adjust[0], adjust.readUInt32BE(1), adjust.readUInt32BE(5)]).toEqual([93, 7, 1_000]);
});

test('a host that answers no question is not taken for alive, however often it is asked', async () => {
  const { host, page } = await opened(1_000);
  const questions = Array.from({ length: MAX_UNANSWERED + 3 }, () => page.connection.ask());
  for (let asked = 0; asked < MAX_UNANSWERED; asked += 1) expect((await host.next())[0]).toBe(80);
  page.transport.close('that was all');
  const outcomes = await Promise.allSettled(questions);
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect((await host.next())[0]).toBe(1);
});

test('little that was read is not told yet: each telling is a message', async () => {
  const { host, channel } = await opened(1_000);
  for (let at = 0; at < 24; at += 1) {
    host.send(data(Buffer.alloc(10)));
    await channel.read();
  }
  host.send(Buffer.concat([Buffer.of(80), wireString('alive'), Buffer.of(1)]));
  expect((await host.next())[0]).toBe(82);
  host.send(data(Buffer.alloc(10)));
  await channel.read();
  expect((await host.next()).readUInt32BE(5)).toBe(250);
});

test('a host that sends a byte more than there is room for is refused', async () => {
  const { host, page } = await opened(1_000);
  host.send(data(Buffer.alloc(600)));
  host.send(data(Buffer.alloc(401)));
  expect((await page.over).code).toBe('too_big');
});

test('pieces of one byte that wait share their memory', async () => {
  const { host, channel } = await opened(100_000);
  for (let at = 0; at < 5_000; at += 1) host.send(data(Buffer.of(at % 251)));
  host.send(message(96));
  // All of it is there before anybody reads.
  host.send(Buffer.concat([Buffer.of(80), wireString('alive'), Buffer.of(1)]));
  expect((await host.next())[0]).toBe(82);
  let pieces = 0;
  let bytes = 0;
  for (let piece = await channel.read(); piece !== undefined; piece = await channel.read()) {
    pieces += 1;
    for (const byte of piece.bytes) expect(byte).toBe(bytes++ % 251);
  }
  expect(bytes).toBe(5_000);
  expect(pieces).toBeLessThan(5);
});

test('what is written fits the window and the packets of the host, whatever they are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 700 }),
      fc.uint8Array({ minLength: 1, maxLength: 4_000, size: 'max' }),
      async (windowBytes, packetBytes, all) => {
        // One byte at a time is worth trying, thousands of times it is only slow.
        const bytes = all.subarray(0, 400 * Math.min(windowBytes, packetBytes));
        const { host, channel } = await opened(1_000, windowBytes, packetBytes);
        const writing = channel.write(bytes).then(() => channel.sendEof());
        const got: Buffer[] = [];
        let room = windowBytes;
        for (let next = await host.next(); next[0] !== 96; next = await host.next()) {
          const chunk = new WireReader(next.subarray(5)).string() ?? Buffer.alloc(0);
          expect(chunk.length).toBeLessThanOrEqual(Math.min(packetBytes, room));
          expect(chunk.length).toBeGreaterThan(0);
          got.push(chunk);
          room -= chunk.length;
          if (room === 0) {
            room = windowBytes;
            host.send(message(93, wireUint32(windowBytes)));
          }
        }
        await writing;
        expect(Buffer.concat(got)).toEqual(Buffer.from(bytes));
      },
    ),
    { numRuns: 25 },
  );
});

test.each<[string, Buffer, string]>([
  ['a window over 2^32', message(93, wireUint32(2 ** 32 - 1)), 'too_big'],
  ['an answer to a request that nobody made', message(99), 'out_of_place'],
  ['a string longer than its message', message(94, wireUint32(5_000), Buffer.alloc(10)), 'malformed'],
  ['a request whose name is endless', message(98, wireString('x'.repeat(65)), Buffer.of(0)), 'too_big'],
])('%s ends the connection', async (_what, payload, code) => {
  const { host, page } = await opened(10_000);
  host.send(payload);
  expect((await page.over).code).toBe(code);
});

test('data after the end of a channel, and anything after its close, end the connection', async () => {
  const late = await opened(10_000);
  late.host.send(message(96));
  late.host.send(data(Buffer.of(1)));
  expect((await late.page.over).code).toBe('out_of_place');
  const later = await opened(10_000);
  later.host.send(message(97));
  later.host.send(data(Buffer.of(1)));
  expect((await later.page.over).code).toBe('out_of_place');
});

test('the last bytes are read after the close, and then how the program ended', async () => {
  const { host, channel } = await opened(10_000);
  host.send(data(Buffer.from('last words')));
  host.send(
    message(98, wireString('exit-signal'), Buffer.of(0), wireString('TERM'), Buffer.of(0), Buffer.alloc(8)),
  );
  host.send(message(96));
  host.send(message(97));
  await channel.closed;
  expect((await readAll(channel)).toString()).toBe('last words');
  expect(channel.programEnd).toEqual({ kind: 'killed', signal: 'TERM' });
  // And the client has closed its end.
  expect((await host.next())[0]).toBe(97);
  await expect(channel.write(Buffer.of(1))).rejects.toMatchObject({ code: 'closed' });
});

test('a lost connection is told to whoever reads, writes or waits for an answer', async () => {
  const { host, page, channel } = await opened(10_000, 0);
  const reading = expect(channel.read()).rejects.toMatchObject({ code: 'tampered' });
  const writing = expect(channel.write(Buffer.of(1))).rejects.toMatchObject({ code: 'tampered' });
  const asking = expect(channel.request('shell', (writer) => writer)).rejects.toMatchObject({
    code: 'tampered',
  });
  const opening = expect(page.connection.open('session')).rejects.toMatchObject({ code: 'tampered' });
  const alive = expect(page.connection.ask()).rejects.toMatchObject({ code: 'tampered' });
  host.sendRaw(Buffer.concat([wireUint32(16), Buffer.alloc(32)]));
  await Promise.all([reading, writing, asking, opening, alive]);
  expect(channel.programEnd).toEqual({ kind: 'lost' });
  await channel.closed;
});

test('a terminal is asked for with its size and its modes; a host that says no is no terminal', async () => {
  const { host, page } = await opened(10_000);
  const size = { columns: 132, rows: 43 };
  const asking = openSession(page.connection, { terminal: { term: 'xterm', size }, run: { kind: 'shell' } });
  const open = new WireReader((await host.next()).subarray(1));
  open.string();
  const id = open.uint32() ?? 0;
  host.send(Buffer.concat([Buffer.of(91), ...[id, 8, 1_000, 1_000].map((word) => wireUint32(word))]));
  const pty = await host.next();
  const reader = new WireReader(pty.subarray(5));
  expect(reader.string()?.toString()).toBe('pty-req');
  reader.byte();
  expect(reader.string()?.toString()).toBe('xterm');
  expect([reader.uint32(), reader.uint32(), reader.uint32(), reader.uint32()]).toEqual([132, 43, 0, 0]);
  expect(reader.string()?.toString('hex')).toMatch(/^2a00000001.*00$/);
  expect(await host.next()).toEqual(
    Buffer.concat([Buffer.of(98), wireUint32(8), wireString('shell'), Buffer.of(1)]),
  );
  host.send(Buffer.concat([Buffer.of(99), wireUint32(id)]));
  host.send(Buffer.concat([Buffer.of(100), wireUint32(id)]));
  expect(await asking).toMatchObject({ kind: 'refused' });
});

test(`no more than ${MAX_CHANNELS} channels at once, and as many again after they are closed`, async () => {
  const { host, page, channel } = await opened(10_000);
  const opening = Array.from({ length: MAX_CHANNELS - 1 }, () => page.connection.open('session'));
  await expect(page.connection.open('session')).rejects.toMatchObject({ code: 'too_big' });
  for (let at = 1; at < MAX_CHANNELS; at += 1) await host.takeChannel();
  await Promise.all(opening);
  channel.close();
  await host.next();
  await expect(page.connection.open('session')).rejects.toMatchObject({ code: 'too_big' });
  host.send(message(97));
  await channel.closed;
  const again = page.connection.open('session');
  await host.takeChannel();
  expect((await again).kind).toBe('open');
});

test('what comes on a channel that this end has closed is thrown away', async () => {
  const { host, page, channel } = await opened(10_000);
  channel.close();
  expect((await host.next())[0]).toBe(97);
  host.send(data(Buffer.alloc(9_000)));
  host.send(message(98, wireString('exit-status'), Buffer.of(0), wireUint32(3)));
  host.send(message(97));
  await channel.closed;
  expect(await channel.read()).toBeUndefined();
  const alive = page.connection.ask();
  await host.next();
  host.send(Buffer.of(82));
  await alive;
});

test('a host that asks and asks, and takes no answer, fills nobody’s memory', async () => {
  const host = new ScriptedHost();
  let isTaking = true;
  const line = {
    ...host.line,
    write: (chunk: Uint8Array, isRoomy: boolean) => (isTaking ? host.line.write(chunk, isRoomy) : false),
  };
  const starting = startPageSession(line);
  await host.exchange();
  await host.letIn();
  const page = await starting;
  isTaking = false;
  const question = Buffer.concat([Buffer.of(192), wireString(Buffer.alloc(30_000))]);
  let asked = 0;
  const over = page.over.then(({ code }) => code);
  for (; asked < 1_000 && !host.isLeft; asked += 1) {
    host.send(question);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(host.isLeft).toBe(true);
  expect(asked * 30_000).toBeGreaterThan(MAX_PRESSED_BYTES / 2);
  expect(await over).toBe('too_big');
});

test('a host that asks and asks while new keys are due, and never makes them, fills no memory either', async () => {
  const { host, page } = await opened(1_000);
  page.transport.rekey();
  expect((await host.next())[0]).toBe(20);
  const question = Buffer.concat([Buffer.of(192), wireString(Buffer.alloc(30_000))]);
  let asked = 0;
  for (; asked < 1_000 && !host.isLeft; asked += 1) {
    host.send(question);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await page.over.then(({ code }) => code)).toBe('too_big');
  expect(asked * 30_000).toBeGreaterThan(MAX_HELD_BYTES / 2);
  expect(asked * 30_000).toBeLessThan(MAX_HELD_BYTES * 2);
});

test('what all channels hand in at once while new keys are due is not too much', async () => {
  const { page } = await opened(1_000);
  page.transport.rekey();
  const packet = new Uint8Array(32_768 + 9);
  let isOver = false;
  void page.over.then(() => (isOver = true));
  for (let channel = 0; channel < MAX_CHANNELS; channel += 1) page.transport.send(packet);
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
});
