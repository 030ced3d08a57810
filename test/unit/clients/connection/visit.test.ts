// A client's visit: whichever side leaves first, the other is told for a limited time.
import { expect, test } from 'vitest';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { FAREWELL_WITHIN_MS, runVisit } from '../../../../services/clients/connection/visit.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

/** A visit whose way to the agent is lost, and stays so. */
function interrupted() {
  const clock = new ManualClock();
  const local = new FakeStream();
  const stream = new FakeStream();
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const cuts: StreamEnd[] = [];
  // As in a resumable stream: also what has ended here is not over before the agent knows.
  stream.cut = (end) => {
    cuts.push(end);
    resolve();
  };
  const connected = {
    kind: 'connected' as const,
    stream,
    over,
    isInterrupted: () => true,
    hostRefusal: () => undefined,
  };
  const ended = runVisit({ local, connected, clock, signal: new AbortController().signal });
  return { clock, local, stream, cuts, ended };
}

test.each(['local', 'stream'] as const)(
  'when the %s side has ended and there is no way, it gives up',
  async (side) => {
    const visit = interrupted();
    await settle();
    visit[side].leave({ reason: 'ended' });
    await settle();
    visit.clock.advance(FAREWELL_WITHIN_MS - 1);
    await settle();
    expect(visit.cuts).toEqual([]);
    visit.clock.advance(1);
    expect(visit.cuts).toEqual([{ reason: 'lost' }]);
    expect(await visit.ended).toMatchObject({ kind: 'ended' });
    expect(visit.clock.pending).toBe(0);
  },
);
