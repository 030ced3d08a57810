// A relay of one test: it is stopped when the test that asked for it is over.
import { onTestFinished } from 'vitest';
import { type RelaySetUp, type RunningRelay, startRelay } from './relay.ts';

/** Starts a relay on loopback, within a test. */
export async function openRelay(setUp: RelaySetUp = {}): Promise<RunningRelay> {
  const running = await startRelay(setUp);
  onTestFinished(() => running[Symbol.asyncDispose]());
  return running;
}
