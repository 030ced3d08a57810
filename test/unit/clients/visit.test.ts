// One session of a client: whichever side leaves first, the other is told for a limited time.
import { expect, test } from 'vitest';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { FAREWELL_WITHIN_MS, runSession } from '../../../services/clients/visit.ts';
import { FakeStream } from '../../support/stream/fake-stream.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { settle } from '../../support/time/poll.ts';

/** A session whose way to the agent is lost, and stays so. */
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
  const ended = runSession({ local, connected, clock, signal: new AbortController().signal });
  return { clock, local, stream, cuts, ended };
}

test.each(['local', 'stream'] as const)(
  'when the %s side has ended and there is no way, it gives up',
  async (side) => {
    const session = interrupted();
    await settle();
    session[side].leave({ reason: 'ended' });
    await settle();
    session.clock.advance(FAREWELL_WITHIN_MS - 1);
    await settle();
    expect(session.cuts).toEqual([]);
    session.clock.advance(1);
    expect(session.cuts).toEqual([{ reason: 'lost' }]);
    expect(await session.ended).toMatchObject({ kind: 'ended' });
    expect(session.clock.pending).toBe(0);
  },
);
