// A pair of Node streams as a byte stream: sockets on loopback, and pipes. B1 to B13 are asked by test/contract.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { fromNodeStreams } from '#shared/stream/node-stream.ts';
import { RecordingSink } from '../../../support/stream/recording-sink.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

const CLOSE_WITHIN_MS = 10_000;

async function openSocket() {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const far = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  far.on('error', () => undefined);
  const [near] = await accepted;
  onTestFinished(async () => {
    near.destroy();
    far.destroy();
    server.close();
    await once(server, 'close');
  });
  const clock = new ManualClock();
  const stream = fromNodeStreams(near, near, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  return { near, far, clock, stream, sink: new RecordingSink() };
}

function openPipes() {
  const input = new PassThrough();
  const output = new PassThrough();
  const clock = new ManualClock();
  const stream = fromNodeStreams(input, output, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  return { input, output, clock, stream, sink: new RecordingSink() };
}

test('moves bytes both ways over a socket', async () => {
  const { far, stream, sink } = await openSocket();
  far.write('there');
  stream.attach(sink);
  expect(stream.write(Buffer.from('back'))).toBe(true);
  const [chunk] = (await once(far, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('back');
  await until('the bytes', () => sink.text === 'there');
});

test('reads nothing before somebody listens', async () => {
  const { input, stream, sink } = openPipes();
  input.write('early');
  await settle();
  expect(input.readableLength).toBe(5);
  stream.attach(sink);
  await until('the early bytes', () => sink.text === 'early');
});

test('a reader that is stuck stops the writer', async () => {
  const { output, stream, sink } = openPipes();
  stream.attach(sink);
  let written = 0;
  do written += 4096;
  while (stream.write(Buffer.alloc(4096)) && written < 1_000_000);
  expect(written).toBeLessThan(1_000_000);
  expect(sink.drains).toBe(0);
  output.resume();
  await until('the writer may go on', () => sink.drains === 1);
});

test('the end of the readable side is the end, after its bytes', async () => {
  const { input, output, stream, sink } = openPipes();
  stream.attach(sink);
  input.end('last');
  expect(await sink.end).toEqual({ reason: 'ended' });
  expect(sink.text).toBe('last');
  expect(await text(output)).toBe('');
});

test('what was written before the readable side ended still comes out', async () => {
  const { input, output, stream, sink } = openPipes();
  stream.attach(sink);
  stream.write(Buffer.from('for the terminal'));
  input.end();
  await sink.end;
  expect(await text(output)).toBe('for the terminal');
});

test('close delivers what was written, then ends', async () => {
  const { far, stream, sink } = await openSocket();
  stream.attach(sink);
  const size = 4 * 1024 * 1024;
  for (let sent = 0; sent < size; sent += 64 * 1024) stream.write(Buffer.alloc(64 * 1024));
  stream.close({ reason: 'expired' });
  stream.close({ reason: 'ended' });
  expect(stream.write(Buffer.from('too late'))).toBe(true);
  expect((await text(far)).length).toBe(size);
  far.end();
  expect(await sink.end).toEqual({ reason: 'expired' });
});

test('close delivers also when the far end had sent what nobody read', async () => {
  const { near, far, stream, sink } = await openSocket();
  stream.attach(sink);
  stream.pause();
  for (let count = 0; count < 64; count += 1) far.write(Buffer.alloc(64 * 1024));
  await until('bytes lie unread', () => near.readableLength > 0);
  stream.write(Buffer.from('the last words'));
  stream.close({ reason: 'ended' });
  expect(await text(far)).toBe('the last words');
  far.end();
  expect(await sink.end).toEqual({ reason: 'ended' });
});

test('close delivers also when the far end says that it has nothing more to say', async () => {
  const { far, stream, sink } = await openSocket();
  stream.attach(sink);
  const size = 16 * 1024 * 1024;
  for (let sent = 0; sent < size; sent += 1024 * 1024) stream.write(Buffer.alloc(1024 * 1024));
  stream.close({ reason: 'expired' });
  far.end();
  await once(far, 'finish');
  await settle();
  expect((await text(far)).length).toBe(size);
  expect(await sink.end).toEqual({ reason: 'expired' });
});

test('a far end that has nothing more to say still gets what was written to it', async () => {
  const { far, near, stream, sink } = await openSocket();
  stream.attach(sink);
  const size = 16 * 1024 * 1024;
  for (let sent = 0; sent < size; sent += 1024 * 1024) stream.write(Buffer.alloc(1024 * 1024));
  far.end();
  expect(await sink.end).toEqual({ reason: 'ended' });
  expect((await text(far)).length).toBe(size);
  await until('the socket is gone', () => near.destroyed);
});

test('a far end that has nothing more to say and does not read is cut in time', async () => {
  const { far, near, stream, sink, clock } = await openSocket();
  stream.attach(sink);
  for (let count = 0; count < 16; count += 1) stream.write(Buffer.alloc(1024 * 1024));
  far.end();
  await sink.end;
  expect(near.destroyed).toBe(false);
  clock.advance(CLOSE_WITHIN_MS);
  expect(near.destroyed).toBe(true);
});

test('a far end that does not close after the last bytes is let go in time', async () => {
  const { far, stream, sink, clock } = await openSocket();
  stream.attach(sink);
  stream.write(Buffer.from('bye'));
  stream.close({ reason: 'ended' });
  expect(await text(far)).toBe('bye');
  clock.advance(CLOSE_WITHIN_MS);
  expect(await sink.end).toEqual({ reason: 'ended' });
});

test('a reader that does not take the last bytes is cut in time', async () => {
  const { stream, sink, clock } = await openSocket();
  stream.attach(sink);
  while (stream.write(Buffer.alloc(1024 * 1024)));
  for (let count = 0; count < 16; count += 1) stream.write(Buffer.alloc(1024 * 1024));
  stream.close({ reason: 'ended' });
  clock.advance(CLOSE_WITHIN_MS - 1);
  await settle();
  expect(sink.ends).toEqual([]);
  clock.advance(1);
  expect(await sink.end).toEqual({ reason: 'stuck' });
});

test('a connection that breaks is lost', async () => {
  const { far, stream, sink, clock } = await openSocket();
  stream.attach(sink);
  far.resetAndDestroy();
  expect(await sink.end).toMatchObject({ reason: 'lost' });
  stream.close({ reason: 'ended' });
  stream.cut({ reason: 'ended' });
  await settle();
  expect(sink.ends).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test('a writable side that fails ends the stream and is never an uncaught error', async () => {
  const input = new PassThrough();
  const broken = new Writable({
    write(_chunk, _encoding, callback) {
      callback(new Error('EPIPE'));
    },
  });
  const stream = fromNodeStreams(input, broken, { clock: new ManualClock(), closeWithinMs: CLOSE_WITHIN_MS });
  const sink = new RecordingSink();
  stream.attach(sink);
  stream.write(Buffer.from('x'));
  expect(await sink.end).toEqual({ reason: 'lost', detail: 'EPIPE' });
  expect(input.destroyed).toBe(true);
});

test('an error while closing is an end too, once', async () => {
  const broken = new Writable({
    write(_chunk, _encoding, callback) {
      callback(new Error('EPIPE'));
    },
  });
  const clock = new ManualClock();
  const stream = fromNodeStreams(new PassThrough(), broken, { clock, closeWithinMs: CLOSE_WITHIN_MS });
  const sink = new RecordingSink();
  stream.attach(sink);
  stream.write(Buffer.from('x'));
  stream.close({ reason: 'ended' });
  await sink.end;
  await settle();
  expect(sink.ends).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test('a sink that comes after the end hears of it, but not from within attach', async () => {
  const { far, near, stream, sink } = await openSocket();
  near.destroy();
  far.destroy();
  await once(near, 'close');
  stream.attach(sink);
  expect(sink.ends).toEqual([]);
  expect(await sink.end).toEqual({ reason: 'lost' });
});
