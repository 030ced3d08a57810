// A stranger with one address, who wants the relay to do nothing but verify tokens: thousands of bad ones, as fast as they go.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { WRONG_PROOFS_AT_ONCE, WRONG_PROOFS_PER_SECOND } from '../../services/relay/limits/address-limits.ts';
import { type AttackedRelay, startAttackedRelay } from '../support/relay/attacked-relay.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import { Stranger } from '../support/relay/stranger.ts';
import { makeIssuerKey, TestIssuer } from '../support/relay/test-issuer.ts';
import { until } from '../support/time/poll.ts';

const TOKENS = 10_000;
const AUDIENCE = 'https://relay.test';
const CLAIMS = { aud: AUDIENCE, repository: 'acme/app', repository_owner: 'acme', run_id: '7' };
const KEY = makeIssuerKey('key', 'RS256');

function headersOf(token: string): Record<string, string> {
  return {
    'Sec-WebSocket-Protocol': AGENT_CONTROL,
    [CLAIM_HEADER]: createClaim(),
    [IDENTITY_HEADER]: formatIdentity({ kind: 'oidc', token }),
  };
}

/** A relay that asks agents for tokens of `issuer`, and whose limit of requests is not what saves it. */
async function startAskingRelay(issuer: TestIssuer): Promise<AttackedRelay> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-attack-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'policy.yaml');
  const rule = { name: 'acme', issuer: 'ci', match: { repository_owner: 'acme' }, ids: 'gh.{repository}.*' };
  const issuers = { ci: { url: issuer.url, like: 'github' } };
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ audience: AUDIENCE, issuers, agents: [rule] }));
  return startAttackedRelay({
    POLICY_FILE: file,
    ADDRESS_SETUPS_BURST: '1000000',
    ADDRESS_SETUPS_PER_SECOND: '1000000',
  });
}

test('bad tokens of one address are verified so often, and hold nobody up; afterwards a good one gets in from there too', async () => {
  await using issuer = await TestIssuer.start([KEY]);
  await using relay = await startAskingRelay(issuer);
  const good = await issuer.sign(CLAIMS);
  const [head, payload] = good.split('.');
  // Whoever has seen a token can make the costliest: all is right but the signature. The others ask for the issuer's keys.
  const forged = `${head}.${payload}.${Buffer.alloc(256, 7).toString('base64url')}`;
  const unknown = await issuer.sign(CLAIMS, makeIssuerKey('made-up', 'RS256'));
  using first = await openAgent(relay.port, 'gh.acme__app.first', { headers: headersOf(good) });

  using stranger = new Stranger(relay.port, '127.0.0.66');
  const began = performance.now();
  const attack = stranger.knock(
    TOKENS,
    (index) => `/agent/gh.acme__app.${index}`,
    (index) => headersOf(index % 2 === 0 ? forged : unknown),
  );
  for (const part of [1, 2, 3]) {
    await until('more have come', () => stranger.knocks.length > (part * TOKENS) / 4, 120_000);
    using another = await openAgent(relay.port, `gh.acme__app.beside-${part}`, { headers: headersOf(good) });
    expect(another.messages[0]).toMatchObject({ type: 'welcome' });
  }
  await attack;
  await until('all are answered', () => stranger.pending === 0, 120_000);
  const seconds = (performance.now() - began) / 1_000;
  expect(first.socket.readyState).toBe(WebSocket.OPEN);

  const lookedAt = stranger.answered(401).length;
  expect(lookedAt).toBeGreaterThanOrEqual(WRONG_PROOFS_AT_ONCE);
  expect(lookedAt).toBeLessThanOrEqual(WRONG_PROOFS_AT_ONCE + WRONG_PROOFS_PER_SECOND * seconds + 1);
  expect(stranger.answered(429)).toHaveLength(TOKENS - lookedAt);
  expect(stranger.answered(101)).toEqual([]);
  expect(issuer.fetches).toBeLessThanOrEqual(2 + seconds / 60);
  const hits = await relay.metric('converge_limit_hits_total{limit="address_proofs"}');
  expect(hits).toBe(TOKENS - lookedAt);
  const [refused] = stranger.answered(429);
  expect(refused).toMatchObject({ retryAfter: '1', body: expect.stringContaining('too many wrong proofs') });

  // Somebody behind the same NAT comes back as it is told.
  await until('one gets in from there', async () => {
    await stranger.knock(1, () => '/agent/gh.acme__app.last', headersOf(good));
    await until('an answer', () => stranger.pending === 0);
    return stranger.answered(101).length > 0;
  });
});
