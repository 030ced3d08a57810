// The transport gate: who waits, and until when.
import { type Duplex, PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { TransportGate } from '../../../../services/agent/ssh/channel/transport-gate.ts';

const MEBIBYTE = 1024 * 1024;

function openGate(highWaterMark = MEBIBYTE) {
  const stream = new PassThrough({ writableHighWaterMark: highWaterMark });
  return { stream, gate: new TransportGate(stream), calls: [] as string[] };
}

test('a stream with room lets through at once, a full one when it has drained', async () => {
  const { stream, gate, calls } = openGate(16);
  gate.whenWritable(() => calls.push('first'));
  stream.write(Buffer.alloc(MEBIBYTE));
  stream.write(Buffer.alloc(MEBIBYTE));
  gate.whenWritable(() => calls.push('second'));
  gate.whenWritable(() => calls.push('third'));
  expect(calls).toEqual(['first']);
  const { promise, resolve } = Promise.withResolvers<void>();
  gate.whenWritable(resolve);
  stream.resume();
  await promise;
  expect(calls).toEqual(['first', 'second', 'third']);
});

test('while it is held nothing is let through, and it is crowded', () => {
  const { gate, calls } = openGate();
  gate.hold();
  gate.whenWritable(() => calls.push('held'));
  expect(calls).toEqual([]);
  expect(gate.isCrowded).toBe(true);
  gate.letGo();
  expect(calls).toEqual(['held']);
  expect(gate.isCrowded).toBe(false);
});

test('what is let go while the stream is full waits for it, and a drain does not let go', async () => {
  const { stream, gate, calls } = openGate(16);
  stream.write(Buffer.alloc(MEBIBYTE));
  stream.write(Buffer.alloc(MEBIBYTE));
  gate.hold();
  gate.whenWritable(() => calls.push('late'));
  gate.letGo();
  expect(calls).toEqual([]);
  gate.hold();
  const drained = new Promise((resolve) => {
    stream.once('drain', resolve);
  });
  stream.resume();
  await drained;
  expect(calls).toEqual([]);
  gate.letGo();
  expect(calls).toEqual(['late']);
});

test('it is crowded when more than 4 MiB wait', () => {
  const stuck = new Writable({ write() {} });
  const gate = new TransportGate(stuck as Duplex);
  stuck.write(Buffer.alloc(4 * MEBIBYTE));
  expect(gate.isCrowded).toBe(false);
  stuck.write(Buffer.alloc(1));
  expect(gate.isCrowded).toBe(true);
});
