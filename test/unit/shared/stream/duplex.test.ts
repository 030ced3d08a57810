// A byte stream as a Node duplex.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { duplexOf } from '#shared/stream/duplex.ts';
import { FAKE_STREAM_BOUND_BYTES, FakeStream } from '../../../support/stream/fake-stream.ts';
import { settle, until } from '../../../support/time/poll.ts';

function open() {
  const stream = new FakeStream();
  const duplex = duplexOf(stream);
  const errors: Error[] = [];
  duplex.on('error', (error) => errors.push(error));
  return { stream, duplex, errors };
}

test('moves bytes both ways', async () => {
  const { stream, duplex } = open();
  duplex.write('there');
  stream.send(Buffer.from('back'));
  stream.leave({ reason: 'ended' });
  expect(await text(duplex)).toBe('back');
  stream.read(100);
  expect(Buffer.concat(stream.arrived).toString()).toBe('there');
});

test('the end of the stream ends the readable side, after its bytes, and closes the duplex', async () => {
  const { stream, duplex, errors } = open();
  const closed = once(duplex, 'close');
  stream.send(Buffer.from('last'));
  stream.leave({ reason: 'lost' });
  expect(await text(duplex)).toBe('last');
  await closed;
  expect(errors).toEqual([]);
  expect(duplex.destroyed).toBe(true);
});

test('a reader that does not read pauses the stream, and reading resumes it', async () => {
  const { stream, duplex } = open();
  for (let count = 0; count < 20 && !stream.paused; count += 1) stream.send(Buffer.alloc(8 * 1024));
  expect(stream.paused).toBe(true);
  duplex.resume();
  await settle();
  expect(stream.paused).toBe(false);
});

test('a stream that is full holds up the writer until it has drained', async () => {
  const { stream, duplex } = open();
  let taken = 0;
  duplex.write(Buffer.alloc(FAKE_STREAM_BOUND_BYTES), () => {
    taken += 1;
  });
  duplex.write(Buffer.from('next'), () => {
    taken += 1;
  });
  await settle();
  expect(taken).toBe(0);
  expect(stream.unread).toBe(FAKE_STREAM_BOUND_BYTES);
  stream.read(FAKE_STREAM_BOUND_BYTES);
  await settle();
  expect(taken).toBe(2);
  stream.read(10);
  expect(Buffer.concat(stream.arrived)).toHaveLength(FAKE_STREAM_BOUND_BYTES + 4);
});

test('end() closes the stream after what was written', async () => {
  const { stream, duplex } = open();
  duplex.end('goodbye');
  await settle();
  expect(stream.closes).toEqual([{ reason: 'ended' }]);
  expect(stream.ended).toBeUndefined();
  stream.read(100);
  expect(Buffer.concat(stream.arrived).toString()).toBe('goodbye');
  expect(stream.ended).toEqual({ reason: 'ended' });
});

test('end() waits for a stream that is full', async () => {
  const { stream, duplex } = open();
  duplex.write(Buffer.alloc(FAKE_STREAM_BOUND_BYTES));
  duplex.end('goodbye');
  await settle();
  expect(stream.closes).toEqual([]);
  stream.read(FAKE_STREAM_BOUND_BYTES);
  await settle();
  expect(stream.closes).toEqual([{ reason: 'ended' }]);
});

test('destroy() with an error cuts the stream, and the error is told once', async () => {
  const { stream, duplex, errors } = open();
  const fault = new Error('broken');
  duplex.destroy(fault);
  await until('the error', () => errors.length > 0);
  expect(stream.cuts).toEqual([{ reason: 'fault', detail: 'broken' }]);
  expect(errors).toEqual([fault]);
});

test('destroy() without an error lets go of the stream', async () => {
  const { stream, duplex } = open();
  duplex.write('x');
  duplex.destroy();
  duplex.destroy();
  await once(duplex, 'close');
  expect(stream.closes).toEqual([{ reason: 'ended' }]);
  expect(stream.cuts).toEqual([]);
});

test('a stream that ends while a writer waits lets the writer go', async () => {
  const { stream, duplex, errors } = open();
  const closed = once(duplex, 'close');
  duplex.write(Buffer.alloc(FAKE_STREAM_BOUND_BYTES));
  duplex.resume();
  stream.leave({ reason: 'lost' });
  await closed;
  expect(errors).toEqual([]);
});
