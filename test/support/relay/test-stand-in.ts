// A stand-in relay of one test: it is closed when the test that asked for it is over.
import { onTestFinished } from 'vitest';
import { type StandInOptions, type StandInRelay, startStandInRelay } from './stand-in-relay.ts';

/** Starts it within a test. */
export async function openStandIn(options: StandInOptions = {}): Promise<StandInRelay> {
  const relay = await startStandInRelay(options);
  onTestFinished(() => relay.close());
  return relay;
}
