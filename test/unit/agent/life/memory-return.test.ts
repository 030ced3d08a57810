// When memory is given back: after much has moved, once little moves, and with no timer of an agent that is idle.
import { beforeEach, describe, expect, test } from 'vitest';
import {
  MemoryReturn,
  RETURN_AFTER_BYTES,
  RETURN_EVERY_MS,
  RETURN_QUIET_BYTES,
  RETURN_QUIET_MS,
} from '../../../../services/agent/life/memory-return.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const CHUNK_BYTES = 64 * 1024;
const LONG_MS = 10 * RETURN_EVERY_MS;

let clock: ManualClock;
let returns: number;
let memory: MemoryReturn;

beforeEach(() => {
  clock = new ManualClock();
  returns = 0;
  memory = new MemoryReturn({ clock, giveBack: () => (returns += 1) });
});

/** As much as is worth it, in chunks. */
function moveMuch(): void {
  for (let bytes = 0; bytes < RETURN_AFTER_BYTES; bytes += CHUNK_BYTES) memory.moved(CHUNK_BYTES);
}

describe('nothing is given back, and nothing wakes the agent,', () => {
  test('before anything has moved', () => {
    expect(clock.pending).toBe(0);
  });

  test('after less than it takes', () => {
    memory.moved(RETURN_AFTER_BYTES - 1);
    expect(clock.pending).toBe(0);
    clock.advance(LONG_MS);
    expect(returns).toBe(0);
  });

  test('after it was given back once', () => {
    moveMuch();
    clock.advance(LONG_MS);
    expect([returns, clock.pending]).toEqual([1, 0]);
    memory.moved(RETURN_AFTER_BYTES - 1);
    expect(clock.pending).toBe(0);
  });

  test('after the end, whatever moves', () => {
    moveMuch();
    memory.stop();
    memory.stop();
    expect(clock.pending).toBe(0);
    moveMuch();
    clock.advance(LONG_MS);
    expect([returns, clock.pending]).toEqual([0, 0]);
  });
});

describe('it is given back once', () => {
  test('the agent has been quiet for RETURN_QUIET_MS', () => {
    moveMuch();
    clock.advance(RETURN_QUIET_MS - 1);
    expect(returns).toBe(0);
    clock.advance(1);
    expect(returns).toBe(1);
    clock.advance(LONG_MS);
    expect(returns).toBe(1);
  });

  test('what moved in small pieces has come together', () => {
    for (let piece = 0; piece < 1_000; piece += 1) {
      memory.moved(RETURN_AFTER_BYTES / 1_000);
      clock.advance(LONG_MS);
    }
    expect(returns).toBe(1);
  });

  test('more is moved after that, again, but not before RETURN_EVERY_MS', () => {
    moveMuch();
    clock.advance(RETURN_QUIET_MS);
    for (let time = 1; time <= 3; time += 1) {
      moveMuch();
      clock.advance(RETURN_EVERY_MS - 1);
      expect(returns).toBe(time);
      clock.advance(1);
      expect(returns).toBe(time + 1);
    }
  });

  test('file after file has come, for all of them', () => {
    moveMuch();
    clock.advance(RETURN_QUIET_MS);
    for (let file = 0; file < 10; file += 1) {
      moveMuch();
      clock.advance(2 * RETURN_QUIET_MS);
    }
    expect(returns).toBe(1);
    clock.advance(RETURN_EVERY_MS);
    expect([returns, clock.pending]).toEqual([2, 0]);
  });
});

describe('while there is traffic', () => {
  function advanceWith(bytes: number): void {
    memory.moved(bytes);
    clock.advance(RETURN_QUIET_MS);
  }

  test('nothing is given back, but after it', () => {
    moveMuch();
    for (let time = 0; time < 10; time += 1) advanceWith(RETURN_QUIET_BYTES + 1);
    expect(returns).toBe(0);
    clock.advance(RETURN_QUIET_MS);
    expect(returns).toBe(1);
  });

  test('what somebody types is none', () => {
    moveMuch();
    clock.advance(RETURN_QUIET_MS / 2);
    memory.moved(RETURN_QUIET_BYTES);
    clock.advance(RETURN_QUIET_MS / 2);
    expect(returns).toBe(1);
  });

  test('there is one timer, however much moves', () => {
    moveMuch();
    moveMuch();
    expect(clock.pending).toBe(1);
  });
});
