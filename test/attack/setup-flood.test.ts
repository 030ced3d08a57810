// A stranger with one address, who wants the relay to do nothing but look up IDs for them: requests as fast as they go.
import { expect, test } from 'vitest';
import { Bystander, startAttackedRelay } from '../support/relay/attacked-relay.ts';
import { Stranger } from '../support/relay/stranger.ts';
import { until } from '../support/time/poll.ts';

const REQUESTS = 2_000;
const BURST = 300;
const PER_SECOND = 20;
/** More than an address may have at once, however long it has waited. */
const GUESSES = 3 * BURST;

test('requests of one address are looked at up to its rate; the rest is refused before anything is looked up', async () => {
  await using relay = await startAttackedRelay({
    ADDRESS_SETUPS_BURST: String(BURST),
    ADDRESS_SETUPS_PER_SECOND: String(PER_SECOND),
  });
  await using bystander = await Bystander.arrive(relay);
  using stranger = new Stranger(relay.port, '127.0.0.66');
  const began = performance.now();
  const attack = stranger.knock(REQUESTS, (index) => `/client/guess-${index}`);
  await until('half of them have asked', () => stranger.knocks.length > REQUESTS / 2, 60_000);
  await bystander.check();
  await attack;
  await until('all are answered', () => stranger.pending === 0, 60_000);
  const seconds = (performance.now() - began) / 1_000;
  await bystander.check();

  const lookedUp = stranger.answered(404).length;
  expect(lookedUp).toBeGreaterThanOrEqual(BURST);
  expect(lookedUp).toBeLessThanOrEqual(BURST + PER_SECOND * seconds + 1);
  expect(stranger.answered(429)).toHaveLength(REQUESTS - lookedUp);
  // Guessing at tickets is asking, too.
  const before = stranger.answered(401).length + stranger.answered(429).length;
  await stranger.knock(GUESSES, (index) => `/agent/mine/stream/guess-${index}`);
  await until('all guesses are answered', () => {
    return stranger.answered(401).length + stranger.answered(429).length === before + GUESSES;
  });
  expect(stranger.answered(401).length).toBeLessThan(GUESSES);

  const [refused] = stranger.answered(429);
  expect(refused?.retryAfter).toBe('1');
  expect(refused?.body).toMatch(/at most 20 a second in the long run \(ADDRESS_SETUPS_PER_SECOND\)/);
});
