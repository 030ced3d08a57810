// A stranger with one address, who wants nobody else to get in: their clients wait for agents that do not exist.
import { expect, test } from 'vitest';
import { ADDRESS_LIMITS } from '../../services/relay/limits/limit-table.ts';
import { Bystander, startAttackedRelay } from '../support/relay/attacked-relay.ts';
import { Stranger } from '../support/relay/stranger.ts';
import { until } from '../support/time/poll.ts';

const WAITS = 3_000;
/** Of the whole pod: without limits for each address they would have them all. */
const PLACES = 2_000;
const SHARE = ADDRESS_LIMITS.waiting.fallback;

test('clients of one address that wait for 120 s turn nobody else away', async () => {
  await using relay = await startAttackedRelay({ MAX_WAITING: String(PLACES) });
  await using bystander = await Bystander.arrive(relay);
  using stranger = new Stranger(relay.port, '127.0.0.66');
  const attack = stranger.knock(WAITS, (index) => `/client/nobody-${index}?wait=120`);
  await until('half of them have asked', () => stranger.knocks.length > WAITS / 2, 60_000);
  await bystander.check();
  await attack;
  await bystander.check();

  // Their share is that of an address, and whoever is too many gets the time to come back.
  await until('all but his share are answered', () => stranger.pending <= SHARE, 60_000);
  expect(stranger.pending).toBe(SHARE);
  const refused = stranger.answered(429);
  expect(refused).toHaveLength(WAITS - SHARE);
  for (const { retryAfter, body } of refused) {
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    expect(JSON.parse(body)).toMatchObject({ code: 'rate_limited' });
  }
  expect(await relay.metric('converge_limit_used{limit="address_waiting"}')).toBe(SHARE);
  expect(await relay.metric('converge_limit_hits_total')).toBe(WAITS - SHARE);

  stranger.leave();
  await until('his places are free again', async () => {
    return (await relay.metric('converge_limit_used{limit="address_waiting"}')) === 0;
  });
});
