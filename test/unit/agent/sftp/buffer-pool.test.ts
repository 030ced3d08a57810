// The buffer pool: memory is used again, and never by two at once.

import { expect, test } from 'vitest';
import { BufferPool } from '../../../../services/agent/sftp/buffer-pool.ts';

const LARGE = 200_000;

test('lends the same memory again after it came back, also as a view', () => {
  const pool = new BufferPool();
  const first = pool.take(LARGE);
  pool.give(first.subarray(0, 10));
  expect(pool.take(LARGE).buffer).toBe(first.buffer);
});

test('never lends memory that is out, came back twice, or is not its own', () => {
  const pool = new BufferPool();
  const first = pool.take(LARGE);
  expect(pool.take(LARGE).buffer).not.toBe(first.buffer);
  pool.give(first);
  pool.give(first);
  expect(pool.take(LARGE).buffer).toBe(first.buffer);
  expect(pool.take(LARGE).buffer).not.toBe(first.buffer);
  const foreign = Buffer.from(new ArrayBuffer(first.buffer.byteLength));
  pool.give(foreign);
  expect(pool.take(LARGE).buffer).not.toBe(foreign.buffer);
});

test('leaves small buffers to the system', () => {
  const pool = new BufferPool();
  const small = pool.take(100);
  pool.give(small);
  expect(small).toHaveLength(100);
  expect(pool.take(100)).not.toBe(small);
});
