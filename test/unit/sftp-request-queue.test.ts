// The request queue: requests run together only where no client could tell.

import { expect, it } from 'vitest';
import { conflict, type Footprint, wholeFile } from '../../services/agent/ssh/sftp/footprint.ts';
import {
  MAX_RUNNING_REQUESTS,
  MAX_WAITING_BYTES,
  MAX_WAITING_REQUESTS,
} from '../../services/agent/ssh/sftp/limits.ts';
import { RequestQueue } from '../../services/agent/ssh/sftp/request-queue.ts';

const look: Footprint = { kind: 'look', cursor: undefined };
const change: Footprint = { kind: 'change' };
const nothing: Footprint = { kind: 'nothing' };
const readOf = (file: string): Footprint => ({ kind: 'read', file });
const writeOf = (file: string, start: number, end: number): Footprint => ({
  kind: 'write',
  file,
  start,
  end,
});

it.each<[Footprint, Footprint, boolean]>([
  [nothing, change, false],
  [change, look, true],
  [change, change, true],
  [change, readOf('a'), true],
  [look, look, false],
  [look, readOf('a'), false],
  [look, writeOf('a', 0, 1), true],
  [{ kind: 'look', cursor: 1 }, { kind: 'look', cursor: 1 }, true],
  [{ kind: 'look', cursor: 1 }, { kind: 'look', cursor: 2 }, false],
  [readOf('a'), readOf('a'), false],
  [readOf('a'), writeOf('a', 0, 1), true],
  [readOf('a'), writeOf('b', 0, 1), false],
  [writeOf('a', 0, 10), writeOf('a', 10, 20), false],
  [writeOf('a', 0, 11), writeOf('a', 10, 20), true],
  [writeOf('a', 0, 10), writeOf('b', 0, 10), false],
  [writeOf('a', 500, 510), wholeFile('a'), true],
])('%o and %o conflict: %s', (a, b, expected) => {
  expect(conflict(a, b)).toBe(expected);
  expect(conflict(b, a)).toBe(expected);
});

it('starts in order, and not past a request that must wait', async () => {
  const queue = makeQueue();
  queue.push('read 1', readOf('a'));
  queue.push('read 2', readOf('a'));
  queue.push('write', writeOf('a', 0, 1));
  queue.push('read 3', readOf('a'));
  expect(queue.started).toEqual(['read 1', 'read 2']);
  await queue.finish('read 2');
  expect(queue.started).toEqual(['read 1', 'read 2']);
  await queue.finish('read 1');
  expect(queue.started).toEqual(['read 1', 'read 2', 'write']);
  await queue.finish('write');
  expect(queue.started).toEqual(['read 1', 'read 2', 'write', 'read 3']);
});

it('runs no more than MAX_RUNNING_REQUESTS at once', async () => {
  const queue = makeQueue();
  for (let index = 0; index < MAX_RUNNING_REQUESTS + 5; index += 1) {
    queue.push(`read ${index}`, readOf('a'));
  }
  expect(queue.started).toHaveLength(MAX_RUNNING_REQUESTS);
  await queue.finish('read 0');
  expect(queue.started).toHaveLength(MAX_RUNNING_REQUESTS + 1);
});

it('starts nothing while replies are not taken', async () => {
  const queue = makeQueue();
  queue.allow(false);
  queue.push('read', readOf('a'));
  expect(queue.started).toEqual([]);
  queue.allow(true);
  expect(queue.started).toEqual(['read']);
});

it('is full by count and by bytes', () => {
  const byCount = makeQueue();
  byCount.allow(false);
  for (let index = 0; index < MAX_WAITING_REQUESTS; index += 1) {
    expect(byCount.queue.full).toBe(false);
    byCount.push(`read ${index}`, readOf('a'));
  }
  expect(byCount.queue.full).toBe(true);
  const byBytes = makeQueue();
  byBytes.allow(false);
  byBytes.push('write', writeOf('a', 0, 1), MAX_WAITING_BYTES);
  expect(byBytes.queue.full).toBe(true);
});

function makeQueue() {
  const started: string[] = [];
  const running = new Map<string, PromiseWithResolvers<void>>();
  let allowed = true;
  const queue = new RequestQueue({ mayStart: () => allowed, onProgress() {} });
  return {
    queue,
    started,
    push(name: string, footprint: Footprint, bytes = 10): void {
      queue.push({
        bytes,
        footprint: () => footprint,
        run() {
          started.push(name);
          const work = Promise.withResolvers<void>();
          running.set(name, work);
          return work.promise;
        },
      });
    },
    allow(value: boolean): void {
      allowed = value;
      queue.start();
    },
    /** Lets a request finish and the queue notice. */
    async finish(name: string): Promise<void> {
      running.get(name)?.resolve();
      await new Promise(setImmediate);
    },
  };
}
