// The receive window: what waits comes out as it went in, whatever the sizes, and holds no more memory than it says.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLOW_LIMITS } from '#shared/resume/limits.ts';
import { ReceiveWindow } from '#shared/resume/receive-window.ts';

/** A store of this many bytes, cut out of a memory of `of` times the size; or a take. */
const steps = fc.array(
  fc.oneof(
    fc.record({ bytes: fc.integer({ min: 1, max: 70_000 }), of: fc.constantFrom(1, 2, 3) }),
    fc.constant('take' as const),
  ),
  { maxLength: 60 },
);

test('what waits comes out once, in order and whole', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const window = new ReceiveWindow(FLOW_LIMITS);
      const stored: Buffer[] = [];
      const taken: Buffer[] = [];
      let at = 0;
      for (const step of run) {
        if (step === 'take') {
          const bytes = window.take();
          if (bytes !== undefined) taken.push(Buffer.from(bytes));
          expect(bytes?.length).not.toBe(0);
        } else {
          const chunk = Buffer.alloc(step.bytes * step.of)
            .subarray(0, step.bytes)
            .fill(at % 251);
          window.store(chunk);
          stored.push(Buffer.from(chunk));
          at += 1;
        }
      }
      for (let bytes = window.take(); bytes !== undefined; bytes = window.take()) taken.push(bytes);
      expect(Buffer.concat(taken).equals(Buffer.concat(stored))).toBe(true);
      expect(window.waitingBytes).toBe(0);
      expect(window.taken).toBe(Buffer.concat(stored).length);
    }),
  );
});

test('a small view of something large is copied: the large memory is let go', () => {
  const window = new ReceiveWindow(FLOW_LIMITS);
  const large = Buffer.alloc(64 * 1024, 'x');
  window.store(large.subarray(0, 10_000));
  large.fill('y');
  expect(window.take()?.toString()).toBe('x'.repeat(10_000));
});

test('what fills its memory waits where it is', () => {
  const window = new ReceiveWindow(FLOW_LIMITS);
  const chunk = Buffer.alloc(32 * 1024, 'x');
  window.store(chunk);
  expect(window.take()?.buffer).toBe(chunk.buffer);
});

test('small pieces between large ones do not make it hold a block each', () => {
  const window = new ReceiveWindow(FLOW_LIMITS);
  const memories = new Set<ArrayBufferLike>();
  for (let turn = 0; turn < 200; turn += 1) {
    window.store(Buffer.from('x'));
    window.store(Buffer.alloc(8 * 1024));
  }
  const waiting = window.waitingBytes;
  for (let bytes = window.take(); bytes !== undefined; bytes = window.take()) memories.add(bytes.buffer);
  const held = [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(held).toBeLessThan(3 * waiting);
});
