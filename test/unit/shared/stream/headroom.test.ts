// Headroom: how much there is, and that it is enough for all heads.
import { expect, test } from 'vitest';
import { DATA_HEADROOM_BYTES } from '#shared/resume/frames.ts';
import { allocateRoomy, HEADROOM_BYTES, headroomOf } from '#shared/stream/headroom.ts';

test('every head that is put before a chunk fits', () => {
  expect(HEADROOM_BYTES).toBeGreaterThanOrEqual(DATA_HEADROOM_BYTES);
});

test('a chunk with headroom says so, a part of it and any other say none', () => {
  const chunk = allocateRoomy(100_000);
  expect(chunk).toHaveLength(100_000);
  expect(chunk.byteOffset).toBeGreaterThanOrEqual(HEADROOM_BYTES);
  expect(headroomOf(chunk)).toBe(HEADROOM_BYTES);
  expect(headroomOf(chunk.subarray(1))).toBe(0);
  expect(headroomOf(Buffer.alloc(10))).toBe(0);
});
