// The replay buffer: what is acknowledged costs neither memory nor another look.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FLOW_LIMITS } from '#shared/resume/limits.ts';
import { ReplayBuffer } from '#shared/resume/replay-buffer.ts';
import { until } from '../../../support/time/poll.ts';

/** With so many entries, work that grows with their square is a thousand times what is allowed. */
const ENTRIES = 5_000;

function filled(entries: number, bytes = 1): ReplayBuffer {
  const buffer = new ReplayBuffer(FLOW_LIMITS);
  for (let count = 0; count < entries; count += 1) buffer.append(Buffer.alloc(bytes, 1), 0);
  while (buffer.next() !== undefined);
  return buffer;
}

test('many small entries that are acknowledged one by one do not move the others each time', () => {
  let moved = 0;
  for (const name of ['splice', 'slice', 'shift', 'filter', 'copyWithin'] as const) {
    const real = Array.prototype[name] as (this: unknown[], ...words: unknown[]) => unknown;
    const spy = vi.spyOn(Array.prototype, name).mockImplementation(function (
      this: unknown[],
      ...words: unknown[]
    ) {
      moved += this.length;
      return real.apply(this, words) as never;
    });
    onTestFinished(() => {
      spy.mockRestore();
    });
  }
  const buffer = filled(ENTRIES);
  const outcomes = new Set<string>();
  for (let total = 1; total <= ENTRIES; total += 1) outcomes.add(buffer.acknowledge(total));
  const movedBefore = moved;
  expect([...outcomes]).toEqual(['ok']);
  expect(buffer.heldBytes).toBe(0);
  expect(movedBefore).toBeLessThan(4 * ENTRIES);
});

test('the memory of a frame goes back with its acknowledgement, whatever waits behind it', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const buffer = new ReplayBuffer(FLOW_LIMITS);
  const first = frameOf(buffer);
  for (let count = 0; count < 8; count += 1) buffer.append(Buffer.alloc(10, 1), 0);
  while (buffer.next() !== undefined);
  expect(buffer.acknowledge(10)).toBe('ok');
  await until('it is collected', () => {
    collect();
    return first.deref() === undefined;
  });
  // And the others are there, from where the peer lacks them.
  expect(buffer.rewind(10)).toBe(80);
  expect(buffer.next()).toHaveLength(23);
});

function frameOf(buffer: ReplayBuffer): WeakRef<Buffer> {
  buffer.append(Buffer.alloc(10, 1), 0);
  const frame = buffer.next();
  if (frame === undefined) throw new Error('nothing to send');
  return new WeakRef(frame);
}

test.each([1, 2, 3, 7])(
  'after every %i acknowledgements of one, what is sent again begins where the peer is',
  (step) => {
    const buffer = filled(20, 3);
    for (let total = 3; total < 60; total += 3 * step) {
      expect(buffer.acknowledge(total)).toBe('ok');
      const received = total + 1;
      expect(buffer.rewind(received)).toBe(60 - received);
      const frame = buffer.next();
      expect(frame?.readBigUInt64BE(5)).toBe(BigInt(received));
      while (buffer.next() !== undefined);
    }
  },
);
