// A stranger with one address, who wants all of a relay's memory and registry: 1,500 agents of theirs hold control links.
import { expect, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { Bystander, startAttackedRelay } from '../support/relay/attacked-relay.ts';
import { Stranger } from '../support/relay/stranger.ts';
import { until } from '../support/time/poll.ts';

const LINKS = 1_500;
const LIMIT = 500;

test('one address has its share of control links, and everybody else a place', async () => {
  await using relay = await startAttackedRelay({ ADDRESS_MAX_LINKS: String(LIMIT) });
  await using bystander = await Bystander.arrive(relay);
  using stranger = new Stranger(relay.port, '127.0.0.66');
  const headers = () => ({ 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() });
  await stranger.knock(LINKS, (index) => `/agent/mine-${index}`, headers);
  await until('all are answered', () => stranger.pending === 0, 60_000);
  await bystander.check();

  expect(stranger.answered(101)).toHaveLength(LIMIT);
  const refused = stranger.answered(429);
  expect(refused).toHaveLength(LINKS - LIMIT);
  expect(refused[0]?.body).toMatch(/too many agents from this address, at most 500 \(ADDRESS_MAX_LINKS\)/);
  expect(refused.every(({ retryAfter }) => retryAfter === '5')).toBe(true);
  // The bystander's agent is the one that is not theirs.
  await until('nobody else is linked', async () => (await relay.metric('converge_agents')) === LIMIT + 1);

  stranger.leave();
  await until('his places are free again', async () => {
    return (await relay.metric('converge_limit_used{limit="address_links"}')) === 1;
  });
});
