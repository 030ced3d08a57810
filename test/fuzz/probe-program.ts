// Loaded ahead of a program: tells the process that started it, when asked, what it holds after its garbage is collected.
import { readdirSync } from 'node:fs';

/** What a process holds. */
export interface Holding {
  /** Of V8's heap and of buffers outside of it, in bytes. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  /** Timers, sockets, requests to the system. */
  readonly resources: number;
}

/** Finalizers and what they let go of need some turns. */
const COLLECTIONS = 4;

export async function readHolding(): Promise<Holding> {
  for (let left = COLLECTIONS; left > 0; left -= 1) {
    globalThis.gc?.();
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    await promise;
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heapBytes: heapUsed + external,
    residentBytes: rss,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process.getActiveResourcesInfo().length,
  };
}

if (process.send !== undefined) {
  process.on('message', () => {
    void readHolding().then((holding) => process.send?.(holding));
  });
  // Without the one who attacks it there is no use for it.
  process.on('disconnect', () => process.exit());
  // Whoever asks keeps the program alive; the channel does not.
  process.channel?.unref();
}
