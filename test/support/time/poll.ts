// Waiting for a condition that no event announces, with a deadline.
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_EVERY_MS = 10;

/** Nothing takes as long, on two busy cores. */
const WITHIN_MS = 20_000;

/** Resolves once `condition` gives something other than false or undefined, and with that. @throws Error after `withinMs` */
export async function until<Value>(
  what: string,
  condition: () => Value | false | undefined | Promise<Value | false | undefined>,
  withinMs = WITHIN_MS,
  everyMs = POLL_EVERY_MS,
): Promise<Value> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(everyMs);
  }
}

/** Lets what is already due run: promises, and one turn of the event loop. */
export async function settle(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  await promise;
}
