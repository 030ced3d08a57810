// The contract of a joiner, run against joinStreams and the native pump.
import { expect, onTestFinished, test } from 'vitest';
import { joinStreams } from '#shared/stream/join.ts';
import { startPump } from '../../services/relay/pump/native-pump.ts';
import { PUMP_READ_BYTES, pumpAddon } from '../../services/relay/pump/pump-addon.ts';
import type { Joiner } from '../../services/relay/session/needs.ts';
import { describeJoiner } from './joiner-contract.ts';

describeJoiner('a session in JavaScript', () => ({ join: joinStreams, count: () => undefined }));
describeJoiner('a session in the native pump', openNative);

test('the documented size of a read is the one that was compiled', () => {
  expect(pumpAddon()?.readBytes).toBe(PUMP_READ_BYTES);
});

function openNative(): Joiner {
  const addon = pumpAddon();
  if (addon === undefined) throw new Error('pump.node was not built');
  const pump = startPump(addon, 2);
  onTestFinished(() => {
    pump.stop();
  });
  return pump;
}
