// The tally in Redis: places as sorted sets, sums as counters, over the connection of the registry.
import type { Clock } from '#shared/time/clock.ts';
import { type Addition, PLACE_LIFE_MS, SUM_LIFE_MS, type Tally, type TallyPlace } from '../tally.ts';
import type { RedisCalls } from './redis-calls.ts';
import type { RedisKeys } from './redis-keys.ts';

/** Calls in one batch: a few milliseconds of Redis' time. */
const BATCH = 500;

export interface RedisTallyOptions {
  readonly calls: Pick<RedisCalls, 'run' | 'runEach'>;
  readonly keys: RedisKeys;
  readonly clock: Clock;
}

export class RedisTally implements Tally {
  readonly #options: RedisTallyOptions;

  constructor(options: RedisTallyOptions) {
    this.#options = options;
  }

  async take(place: TallyPlace, limit: number | undefined): Promise<boolean> {
    return (await this.#options.calls.run('take', this.#taking(place, limit))) === 1;
  }

  async extend(places: readonly TallyPlace[]): Promise<void> {
    for (let at = 0; at < places.length; at += BATCH) {
      const batch = places.slice(at, at + BATCH);
      await this.#options.calls.runEach(
        'take',
        batch.map((place) => this.#taking(place, undefined)),
      );
    }
  }

  async leave({ group, member }: TallyPlace): Promise<void> {
    const { calls, keys } = this.#options;
    await calls.run('leave', { key: keys.places(group), args: [member] });
  }

  async add(additions: readonly Addition[]): Promise<readonly number[]> {
    const { calls, keys } = this.#options;
    if (additions.length === 0) return [];
    const replies = await calls.runEach(
      'add',
      additions.map(({ sum, amount }) => ({
        key: keys.sum(sum),
        args: [String(amount), String(SUM_LIFE_MS)],
      })),
    );
    // One that failed among others is added again by nobody: the limit is a little late then.
    return replies.map((reply) => (reply.status === 'fulfilled' ? Number(reply.value) : 0));
  }

  #taking({ group, member }: TallyPlace, limit: number | undefined) {
    const { clock, keys } = this.#options;
    const times = [String(clock.wallTime()), String(PLACE_LIFE_MS)];
    return { key: keys.places(group), args: [...times, member, limit === undefined ? '' : String(limit)] };
  }
}
