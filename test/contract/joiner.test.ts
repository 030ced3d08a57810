// The contract of a joiner, run against joinStreams and the native pump.
import { expect, onTestFinished, test } from 'vitest';
import { type Join, type JoinEnd, joinStreams } from '#shared/stream/join.ts';
import { frameStream } from '#shared/websocket/frame-stream.ts';
import { startPump } from '../../services/relay/pump/native-pump.ts';
import { PUMP_READ_BYTES, pumpAddon } from '../../services/relay/pump/pump-addon.ts';
import type { Joiner } from '../../services/relay/session/needs.ts';
import { openSockets } from '../support/stream/socket-pair.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { describeJoiner } from './joiner-contract.ts';

describeJoiner('a session in JavaScript', () => ({ join: joinStreams, count: () => undefined }));
describeJoiner('a session in the native pump', openNative);

test('a pump that is to become idle takes no session any more, and waits for those alone that it has', async () => {
  const addon = pumpAddon();
  if (addon === undefined) throw new Error('pump.node was not built');
  const pump = startPump(addon, 1);
  onTestFinished(() => {
    pump.stop();
  });
  const [first] = await joinedBy(pump);
  expect(pump.size).toBe(1);
  const idle = pump.idle();
  const [, late] = await joinedBy(pump);
  expect(pump.size).toBe(1);
  first.close({ reason: 'restart' });
  await idle;
  expect(late).toEqual([]);
});

test('the documented size of a read is the one that was compiled', () => {
  expect(pumpAddon()?.readBytes).toBe(PUMP_READ_BYTES);
});

async function joinedBy(joiner: Joiner): Promise<[Join, JoinEnd[]]> {
  const open = async () => {
    const { near } = await openSockets();
    return frameStream({ socket: near, head: Buffer.alloc(0), isClient: false, clock: new ManualClock() });
  };
  const ends: JoinEnd[] = [];
  const join = joiner.join(await open(), await open(), { onEnded: (end) => ends.push(end) });
  onTestFinished(() => {
    join.cut({ reason: 'ended' });
  });
  return [join, ends];
}

function openNative(): Joiner {
  const addon = pumpAddon();
  if (addon === undefined) throw new Error('pump.node was not built');
  const pump = startPump(addon, 2);
  onTestFinished(() => {
    pump.stop();
  });
  return {
    join(left, right, options) {
      const before = pump.size;
      const join = pump.join(left, right, options);
      // Otherwise it would be JavaScript that is asked.
      expect(pump.size).toBe(before + 1);
      return join;
    },
    count: () => pump.count(),
  };
}
