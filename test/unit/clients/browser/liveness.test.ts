// Liveness: a network that is gone is noticed and left, a slow one is not, and one that answers is asked no more than that.
import { expect, test } from 'vitest';
import {
  ANSWERED_WITHIN_MS,
  ASK_EVERY_MS,
  Liveness,
  PROBE_WITHIN_MS,
} from '../../../../services/clients/browser/opening/liveness.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

function world() {
  const clock = new ManualClock();
  const questions: PromiseWithResolvers<void>[] = [];
  const line = {
    isCarried: true,
    movedBytes: 0,
    dropped: 0,
    dropCarrier() {
      line.dropped += 1;
    },
  };
  const connection = {
    ask() {
      const question = Promise.withResolvers<void>();
      questions.push(question);
      return question.promise;
    },
  };
  const liveness = new Liveness({ clock, connection, line });
  liveness.start();
  return { clock, questions, line, liveness };
}

test('an answer in time is the end of the doubt, and the next question comes with its time', async () => {
  const { clock, questions, line } = world();
  clock.advance(ASK_EVERY_MS);
  expect(questions).toHaveLength(1);
  questions[0]?.resolve();
  await questions[0]?.promise;
  clock.advance(ASK_EVERY_MS);
  expect(questions).toHaveLength(2);
  expect(line.dropped).toBe(0);
});

test('without an answer, and without a byte that moves, the WebSocket is left', () => {
  const { clock, line } = world();
  clock.advance(ASK_EVERY_MS + ANSWERED_WITHIN_MS - 1);
  expect(line.dropped).toBe(0);
  clock.advance(1);
  expect(line.dropped).toBe(1);
});

test('an answer that stands behind much is waited for, as long as something moves', () => {
  const { clock, line } = world();
  clock.advance(ASK_EVERY_MS);
  for (let step = 0; step < 3; step += 1) {
    line.movedBytes += 1;
    clock.advance(ANSWERED_WITHIN_MS);
  }
  expect(line.dropped).toBe(0);
});

test('a probe waits less; while nothing carries the stream nobody is asked, and after the end neither', () => {
  const { clock, questions, line, liveness } = world();
  liveness.probe();
  clock.advance(PROBE_WITHIN_MS);
  expect(line.dropped).toBe(1);
  line.isCarried = false;
  liveness.probe();
  expect(questions).toHaveLength(1);
  line.isCarried = true;
  liveness.probe();
  // Another WebSocket took over in the meantime: it has its own time.
  liveness.heard();
  liveness.stop();
  liveness.stop();
  liveness.probe();
  clock.advance(60_000);
  expect([questions.length, line.dropped]).toEqual([2, 1]);
});
