// Wake-ups: who on this pod waits for a claim of which ID, and the channels that the pod subscribes to for them.
import type { RedisClient } from './redis-client.ts';

type Wake = () => void;

interface Watch {
  readonly wakes: Set<Wake>;
  /** True once the server has confirmed the subscription: no claim goes unheard then, while the connection lasts. */
  isHeard: boolean;
}

export interface WakeupsOptions {
  readonly client: () => Pick<RedisClient, 'subscribe' | 'unsubscribe'> | undefined;
  /** A subscription was refused, which is slower but not fatal: those who wait look again on their own. */
  readonly onRefused: (error: unknown) => void;
}

export class Wakeups {
  readonly #options: WakeupsOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: WakeupsOptions) {
    this.#options = options;
  }

  /**
   * Calls `wake` for each message on `channel`, and once when the subscription begins, since a claim before that went
   * unnoticed. The same happens after each loss of the connection. The result ends it and may be called twice.
   */
  watch(channel: string, wake: Wake): () => void {
    const watch = this.#watches.get(channel) ?? this.#open(channel);
    watch.wakes.add(wake);
    if (watch.isHeard) wake();
    return () => {
      watch.wakes.delete(wake);
      if (watch.wakes.size > 0 || this.#watches.get(channel) !== watch) return;
      this.#watches.delete(channel);
      // Without a connection there is no subscription to end.
      this.#options
        .client()
        ?.unsubscribe(channel)
        .catch(() => undefined);
    };
  }

  heard(channel: string): void {
    for (const wake of this.#watches.get(channel)?.wakes ?? []) wake();
  }

  /** Looks are possible again: a message may have come while they were not. */
  wakeAll(): void {
    for (const { wakes } of this.#watches.values()) for (const wake of wakes) wake();
  }

  /** The connection for messages is new: everything is subscribed to again. */
  listening(): void {
    const watches = [...this.#watches];
    for (const [, watch] of watches) watch.isHeard = false;
    if (watches.length > 0) this.#subscribe(watches);
  }

  #open(channel: string): Watch {
    const watch: Watch = { wakes: new Set(), isHeard: false };
    this.#watches.set(channel, watch);
    this.#subscribe([[channel, watch]]);
    return watch;
  }

  #subscribe(watches: readonly (readonly [string, Watch])[]): void {
    this.#options
      .client()
      ?.subscribe(watches.map(([channel]) => channel))
      .then(
        () => {
          for (const [, watch] of watches) {
            watch.isHeard = true;
            for (const wake of watch.wakes) wake();
          }
        },
        (error: unknown) => {
          this.#options.onRefused(error);
        },
      );
  }
}
