// The pause between two attempts.
import type { Clock } from './clock.ts';

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. Never rejects. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const wake = (): void => {
    resolve();
  };
  signal?.addEventListener('abort', wake, { once: true });
  return promise.finally(() => {
    cancel();
    signal?.removeEventListener('abort', wake);
  });
}
