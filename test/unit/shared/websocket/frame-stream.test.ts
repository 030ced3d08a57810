// A stream of frames at either end of a connection: its frames, its headroom, its close frames and its pings.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import { headerBytes, OPCODES, writeHeader } from '#shared/websocket/frame-header.ts';
import { frameStream } from '#shared/websocket/frame-stream.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { RecordingSink } from '../../../support/stream/recording-sink.ts';
import { openSockets, wsClientOver, wsServerOver } from '../../../support/stream/socket-pair.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

/** More than a stream may hold back in this process, in bytes. */
const HELD_BYTES = 192 * 1024;

/** Each way; more than all buffers between the ends hold. */
const BULK_BYTES = 6 * 1024 * 1024;

/** The stream under test, and raw bytes at the other end. */
async function openRaw(isClient = false, head: Buffer = Buffer.alloc(0)) {
  const { near, far } = await openSockets();
  const clock = new ManualClock();
  const stream = frameStream({ socket: near, head, isClient, clock });
  const received: Buffer[] = [];
  far.on('data', (chunk: Buffer) => received.push(chunk));
  return { stream, near, far, clock, sink: new RecordingSink(), received: () => Buffer.concat(received) };
}

/** A frame as the other end of `isClient` would send it. */
function frame(opcode: number, payload: Buffer, toClient = false): Buffer {
  const header = Buffer.alloc(headerBytes(payload.length, !toClient));
  writeHeader(header, 0, opcode, payload.length, !toClient);
  return Buffer.concat([header, payload]);
}

/** The stream under test, and ws at the other end. */
async function openWithWs(role: 'server' | 'client') {
  const sockets = await openSockets();
  const { near } = sockets;
  const clock = new ManualClock();
  const peer = role === 'server' ? await wsClientOver(sockets) : await wsServerOver(sockets);
  peer.on('error', () => undefined);
  const stream = frameStream({ socket: near, head: Buffer.alloc(0), isClient: role === 'client', clock });
  onTestFinished(() => {
    peer.terminate();
  });
  return { stream, near, peer, clock, sink: new RecordingSink() };
}

/** Writes `bytes` in pieces of many sizes, at the pace of the stream. */
async function writeAll(stream: ByteStream, sink: RecordingSink, bytes: Buffer): Promise<void> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = Math.min(bytes.length, at + 1 + ((turn * 7919) % 65_536));
    const drains = sink.drains;
    if (!stream.write(bytes.subarray(at, end))) await until('drained', () => sink.drains > drains);
    at = end;
  }
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each(['server', 'client'] as const)('a stream of frames as the %s', (role) => {
  test('carries bulk both ways at once, to the byte', async () => {
    const { stream, peer, sink } = await openWithWs(role);
    const [out, back] = [randomBytes(BULK_BYTES), randomBytes(BULK_BYTES)];
    const received: Buffer[] = [];
    peer.on('message', (data: Buffer) => received.push(data));
    stream.attach(sink);
    for (let at = 0, size = 1; at < back.length; at += size, size = 1 + ((size * 31) % 50_000)) {
      peer.send(back.subarray(at, at + size));
    }
    await writeAll(stream, sink, out);
    await until(
      'all of it',
      () => sink.bytes === back.length && Buffer.concat(received).length === out.length,
    );
    expect(hashOf(Buffer.concat(received))).toBe(hashOf(out));
    expect(hashOf(Buffer.concat(sink.chunks))).toBe(hashOf(back));
  });

  test('answers a ping with its payload, also one in the middle of a message', async () => {
    const { stream, peer, sink } = await openWithWs(role);
    stream.attach(sink);
    peer.send(Buffer.from('one '), { fin: false });
    peer.ping('are you there');
    peer.send(Buffer.from('message'), { fin: true });
    const [payload] = (await once(peer, 'pong')) as [Buffer];
    expect(payload.toString()).toBe('are you there');
    await until('the message', () => sink.text === 'one message');
  });

  test.each([
    [1000, 'ended', 'ended', 'ended'],
    [1001, '', 'going_away', undefined],
    [1012, 'restart', 'restart', 'restart'],
    [4404, 'agent_gone', 'agent_gone', 'agent_gone'],
    [4999, '', 'fault', undefined],
  ])('takes close code %i for what it says, and echoes it', async (code, text, reason, detail) => {
    const { stream, peer, sink } = await openWithWs(role);
    stream.attach(sink);
    const closed = once(peer, 'close');
    peer.close(code, text);
    const end = await sink.end;
    expect([end.reason, end.detail?.toString()]).toEqual([reason, detail]);
    expect((await closed)[0]).toBe(code);
  });

  test.each([
    ['1004', Buffer.from([0x03, 0xec])],
    ['1005', Buffer.from([0x03, 0xed])],
    ['1006', Buffer.from([0x03, 0xee])],
    ['1015', Buffer.from([0x03, 0xf7])],
    ['999', Buffer.from([0x03, 0xe7])],
    ['5000', Buffer.from([0x13, 0x88])],
    ['half a code', Buffer.from([0x03])],
    ['a text that is not UTF-8', Buffer.from([0x03, 0xe8, 0xff])],
  ])('refuses a close frame with %s', async (_, payload) => {
    const { stream, far, sink, received } = await openRaw(role === 'client');
    stream.attach(sink);
    far.write(frame(OPCODES.close, payload, role === 'client'));
    expect(await sink.end).toMatchObject({ reason: 'bad_frame' });
    // The close frame that says so: its code comes after the header.
    const mask = role === 'client' ? 4 : 0;
    expect(received().readUInt16BE(2 + mask)).toBe(1002);
  });

  test('refuses a frame that is masked the wrong way', async () => {
    const { stream, far, sink } = await openRaw(role === 'client');
    stream.attach(sink);
    far.write(frame(OPCODES.binary, Buffer.from('x'), role !== 'client'));
    expect(await sink.end).toMatchObject({ reason: 'bad_frame' });
  });

  test('a stuck reader stops the writer within a bound, and gets all bytes before the close', async () => {
    const { stream, near, peer, sink } = await openWithWs(role);
    peer.pause();
    stream.attach(sink);
    const chunk = randomBytes(16 * 1024);
    let written = 0;
    for (let still = 0; still < 3; still = near.writableLength > 0 ? still + 1 : 0) {
      let isTaken = true;
      while (isTaken) {
        isTaken = stream.write(chunk);
        written += chunk.length;
      }
      const { drains } = sink;
      await settle();
      if (sink.drains > drains) still = -1;
    }
    expect(near.writableLength).toBeLessThan(HELD_BYTES);
    let bytes = 0;
    peer.on('message', (data: Buffer) => {
      bytes += data.length;
    });
    stream.close({ reason: 'restart' });
    const closed = once(peer, 'close');
    peer.resume();
    expect((await closed)[0]).toBe(1012);
    expect(bytes).toBe(written);
    expect(await sink.end).toEqual({ reason: 'restart' });
  });
});

describe('headroom', () => {
  test('is where the header goes; without it not one byte around a chunk is altered', async () => {
    const { stream, sink, received } = await openRaw();
    stream.attach(sink);
    const memory = Buffer.alloc(64, 0xaa);
    stream.write(memory.subarray(16, 32), 16);
    expect(memory.subarray(0, 14)).toEqual(Buffer.alloc(14, 0xaa));
    expect(memory.subarray(14, 16)).toEqual(Buffer.from([0x82, 16]));
    const bare = Buffer.alloc(64, 0xbb);
    const before = Buffer.from(bare);
    stream.write(bare.subarray(16, 32));
    stream.write(bare.subarray(16, 32), 1);
    await until('three frames', () => received().length === 3 * 18);
    expect(bare).toEqual(before);
    expect(received().subarray(0, 2)).toEqual(Buffer.from([0x82, 16]));
    expect(received().subarray(20, 36)).toEqual(before.subarray(16, 32));
  });

  test('what the peer sent in one piece leaves as one frame, in order', async () => {
    const left = await openRaw();
    const right = await openRaw();
    right.stream.attach(right.sink);
    left.stream.attach({
      data: (chunk, headroom) => void right.stream.write(chunk, headroom),
      drained: () => undefined,
      ended: () => undefined,
    });
    const frames = Array.from({ length: 300 }, (_, index) =>
      frame(OPCODES.binary, Buffer.from([index & 0xff])),
    );
    left.far.write(Buffer.concat(frames));
    const expected = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff));
    await until('all of it', () => right.received().length >= 304);
    expect(right.received().subarray(-300)).toEqual(expected);
    expect(right.received()).toHaveLength(304);
  });
});

describe('the head of a connection', () => {
  test('is delivered first, and its close frame counts', async () => {
    const head = Buffer.concat([
      frame(OPCODES.binary, Buffer.from('early')),
      frame(OPCODES.close, Buffer.from([0x03, 0xe8])),
    ]);
    const { stream, sink } = await openRaw(false, head);
    stream.attach(sink);
    expect(sink.text).toBe('early');
    expect(await sink.end).toEqual({ reason: 'ended' });
  });

  test('that is longer than a message may be leaves in pieces that are not', async () => {
    const payload = randomBytes(200_000);
    const { stream, sink } = await openRaw(false, frame(OPCODES.binary, payload));
    stream.attach(sink);
    expect(Buffer.concat(sink.chunks)).toEqual(payload);
    expect(Math.max(...sink.chunks.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
  });
});

describe('keepalive', () => {
  const ping = Buffer.from([0x80 | OPCODES.ping, 0]);

  test('pings, and cuts a peer that is silent', async () => {
    const { stream, clock, sink, received } = await openRaw();
    stream.attach(sink);
    clock.advance(PING_EVERY_MS);
    await until('the ping', () => received().equals(ping));
    clock.advance(PONG_WITHIN_MS - 1);
    await settle();
    expect(sink.ends).toEqual([]);
    clock.advance(1);
    expect(await sink.end).toEqual({ reason: 'unanswered_ping' });
    expect(clock.pending).toBe(0);
  });

  test('goes on as long as anything comes back', async () => {
    const { stream, near, far, clock, sink, received } = await openRaw();
    stream.attach(sink);
    for (let round = 1; round <= 4; round += 1) {
      clock.advance(PING_EVERY_MS - (round === 1 ? 0 : PONG_WITHIN_MS));
      await until('the ping', () => received().length === round * ping.length);
      const { bytesRead } = near;
      far.write(frame(OPCODES.pong, Buffer.alloc(0)));
      await until('the answer', () => near.bytesRead > bytesRead);
      clock.advance(PONG_WITHIN_MS);
    }
    expect(sink.ends).toEqual([]);
  });

  test('proves nothing of a peer that this end does not read', async () => {
    const { stream, clock, sink } = await openRaw();
    stream.attach(sink);
    stream.pause();
    clock.advance(10 * PING_EVERY_MS);
    await settle();
    expect(sink.ends).toEqual([]);
  });

  test('proves nothing of a peer that is held up itself', async () => {
    const { stream, far, clock, sink } = await openRaw();
    far.pause();
    stream.attach(sink);
    const chunk = Buffer.alloc(64 * 1024);
    for (let count = 0; count < 400; count += 1) {
      stream.write(chunk);
      await settle();
    }
    clock.advance(10 * PING_EVERY_MS);
    await settle();
    expect(sink.ends).toEqual([]);
  });
});

test('a peer that answers no close is cut after the close time', async () => {
  const { stream, near, clock, sink, received } = await openRaw();
  stream.attach(sink);
  stream.write(Buffer.from('last'));
  stream.close({ reason: 'ended' });
  await until('the close frame', () => received().length > 6 + 4);
  clock.advance(CLOSE_WITHIN_MS);
  expect(await sink.end).toEqual({ reason: 'stuck' });
  expect(near.destroyed).toBe(true);
});

test('the newest ping that came while the socket was full is answered when it is not', async () => {
  const { stream, near, far, sink, received } = await openRaw();
  far.pause();
  stream.attach(sink);
  const chunk = Buffer.alloc(64 * 1024);
  while (stream.write(chunk)) await settle();
  for (const payload of ['old', 'new']) far.write(frame(OPCODES.ping, Buffer.from(payload)));
  await until('they were read', () => near.bytesRead === 18);
  far.resume();
  await until('the answer', () =>
    received()
      .subarray(-5)
      .equals(Buffer.from([0x8a, 3, ...Buffer.from('new')])),
  );
  expect(received().includes(Buffer.from('old'))).toBe(false);
});
