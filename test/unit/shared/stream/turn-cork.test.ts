// The turn cork: how many system calls the writes of one turn are.
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { TurnCork } from '#shared/stream/turn-cork.ts';
import { settle } from '../../../support/time/poll.ts';

function open(turn: 'callback' | 'loop') {
  /** What each call brought. */
  const calls: string[] = [];
  const writable = new Writable({
    writev(chunks, callback) {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      callback();
    },
  });
  const cork = new TurnCork(writable, turn);
  const write = (word: string): void => {
    cork.hold();
    writable.write(word);
  };
  return { calls, write };
}

/** Writes two words in each of two callbacks of one round of the event loop. */
async function writeInTwoCallbacks(write: (word: string) => void): Promise<void> {
  for (const words of ['ab', 'cd']) {
    setImmediate(() => {
      for (const word of words) write(word);
    });
  }
  await settle();
}

test('the writes of one callback are one call, those of the next another', async () => {
  const { calls, write } = open('callback');
  await writeInTwoCallbacks(write);
  await settle();
  expect(calls).toEqual(['ab', 'cd']);
});

test('the writes of one round of the loop are one call, whatever the number of callbacks', async () => {
  const { calls, write } = open('loop');
  await writeInTwoCallbacks(write);
  expect(calls).toEqual([]);
  await settle();
  expect(calls).toEqual(['abcd']);
});

test('it holds again after it was pulled', async () => {
  const { calls, write } = open('callback');
  for (const words of ['ab', 'cd', 'ef']) {
    for (const word of words) write(word);
    await settle();
  }
  expect(calls).toEqual(['ab', 'cd', 'ef']);
});
