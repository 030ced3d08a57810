// The request queue: requests run together only where no client could tell, and are answered in their order.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  MAX_UNANSWERED_REQUESTS,
  MAX_WAITING_BYTES,
  MAX_WAITING_REQUESTS,
} from '../../../../services/agent/sftp/limits.ts';
import {
  conflict,
  type Footprint,
  RequestQueue,
  wholeFile,
} from '../../../../services/agent/sftp/request-queue.ts';

const listing = {};
const otherListing = {};
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

test.each<[Footprint, Footprint, boolean]>([
  [nothing, change, false],
  [change, look, true],
  [change, change, true],
  [change, readOf('a'), true],
  [look, look, false],
  [look, readOf('a'), false],
  [look, writeOf('a', 0, 1), true],
  [{ kind: 'look', cursor: listing }, { kind: 'look', cursor: listing }, true],
  [{ kind: 'look', cursor: listing }, { kind: 'look', cursor: otherListing }, false],
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

test('starts in order, and not past a request that must wait', async () => {
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

test('answers in the order of the requests, whatever is done first', async () => {
  const queue = makeQueue();
  for (const name of ['first', 'second', 'third', 'fourth']) queue.push(name, readOf('a'));
  await queue.finish('third');
  await queue.finish('second');
  expect(queue.replies).toEqual([]);
  await queue.finish('first');
  expect(queue.replies).toEqual(['first', 'second', 'third']);
  await queue.finish('fourth');
  expect(queue.replies).toEqual(['first', 'second', 'third', 'fourth']);
});

test('lets what is done and not answered hold nobody up who conflicts with it', async () => {
  const queue = makeQueue();
  queue.push('read b', readOf('b'));
  queue.push('write a', writeOf('a', 0, 1));
  queue.push('read a', readOf('a'));
  expect(queue.started).toEqual(['read b', 'write a']);
  await queue.finish('write a');
  expect(queue.started).toEqual(['read b', 'write a', 'read a']);
  expect(queue.replies).toEqual([]);
  expect(queue.queue.isIdle).toBe(false);
});

test('leaves no more than MAX_UNANSWERED_REQUESTS begun and unanswered', async () => {
  const queue = makeQueue();
  for (let index = 0; index < MAX_UNANSWERED_REQUESTS + 5; index += 1) {
    queue.push(`read ${index}`, readOf('a'));
  }
  expect(queue.started).toHaveLength(MAX_UNANSWERED_REQUESTS);
  await queue.finish('read 1');
  expect(queue.started).toHaveLength(MAX_UNANSWERED_REQUESTS);
  await queue.finish('read 0');
  expect(queue.started).toHaveLength(MAX_UNANSWERED_REQUESTS + 2);
});

test('keeps places, bounds and conflicts, for any requests that end in any order', async () => {
  const footprints = fc.constantFrom<Footprint>(
    look,
    change,
    nothing,
    readOf('a'),
    readOf('b'),
    writeOf('a', 0, 10),
    writeOf('a', 5, 15),
    writeOf('b', 0, 10),
    wholeFile('b'),
  );
  // Which of the requests at work ends next: a place among them, counted round.
  const steps = fc.tuple(footprints, fc.nat({ max: 20 }), fc.boolean());
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 60 }), async (plan) => {
      const queue = makeQueue();
      const names = plan.map((_, index) => `${index}`);
      for (const [index, [footprint, choice, endsOne]] of plan.entries()) {
        queue.push(`${index}`, footprint);
        if (endsOne) await endOne(choice);
      }
      for (const [, choice] of [...plan, ...plan]) await endOne(choice);
      expect(queue.replies).toEqual(names);
      expect(queue.started).toEqual(names);
      expect(queue.queue.isIdle).toBe(true);

      async function endOne(choice: number): Promise<void> {
        const working = queue.working();
        const unanswered = queue.started.length - queue.replies.length;
        expect(unanswered).toBeLessThanOrEqual(MAX_UNANSWERED_REQUESTS);
        for (const [place, one] of working.entries()) {
          for (const other of working.slice(place + 1)) {
            expect(conflict(footprintOf(one), footprintOf(other))).toBe(false);
          }
        }
        const ending = working[choice % Math.max(1, working.length)];
        if (ending !== undefined) await queue.finish(ending);
      }

      function footprintOf(name: string): Footprint {
        return plan[Number(name)]?.[0] ?? nothing;
      }
    }),
    { numRuns: 60 },
  );
});

test('starts nothing while replies are not taken', async () => {
  const queue = makeQueue();
  queue.allow(false);
  queue.push('read', readOf('a'));
  expect(queue.started).toEqual([]);
  queue.allow(true);
  expect(queue.started).toEqual(['read']);
});

test('is full by count and by bytes', () => {
  const byCount = makeQueue();
  byCount.allow(false);
  for (let index = 0; index < MAX_WAITING_REQUESTS; index += 1) {
    expect(byCount.queue.isFull).toBe(false);
    byCount.push(`read ${index}`, readOf('a'));
  }
  expect(byCount.queue.isFull).toBe(true);
  const byBytes = makeQueue();
  byBytes.allow(false);
  byBytes.push('write', writeOf('a', 0, 1), MAX_WAITING_BYTES);
  expect(byBytes.queue.isFull).toBe(true);
});

function makeQueue() {
  const started: string[] = [];
  const replies: string[] = [];
  const running = new Map<string, PromiseWithResolvers<Buffer>>();
  let allowed = true;
  const queue = new RequestQueue({
    mayStart: () => allowed,
    reply: (packet) => replies.push(packet.toString()),
    onProgress() {},
  });
  return {
    queue,
    started,
    replies,
    working: () => [...running.keys()],
    push(name: string, footprint: Footprint, bytes = 10): void {
      queue.push({
        bytes,
        footprint: () => footprint,
        run() {
          started.push(name);
          const work = Promise.withResolvers<Buffer>();
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
      running.get(name)?.resolve(Buffer.from(name));
      running.delete(name);
      await new Promise(setImmediate);
    },
  };
}
