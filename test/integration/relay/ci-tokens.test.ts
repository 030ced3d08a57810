// Tokens of CI systems at a relay with a policy: an agent comes in by one, and stays when it is good no more.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { RETRY_KEYS_EVERY_MS } from '../../../services/relay/identity/oidc/issuer-keys.ts';
import { ISSUER_SKEW_MS } from '../../../services/relay/identity/oidc/token-times.ts';
import { WRONG_PROOFS_AT_ONCE } from '../../../services/relay/limits/address-limits.ts';
import { dialAgent, type FakeAgent, openAgent } from '../../support/relay/fake-agent.ts';
import type { RunningRelay } from '../../support/relay/relay.ts';
import { KEYS_PATH, makeIssuerKey, TestIssuer } from '../../support/relay/test-issuer.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';

const AUDIENCE = 'https://relay.test';
const CLAIMS = { aud: AUDIENCE, repository: 'acme/app', repository_owner: 'acme', run_id: '7' };
const ID = 'gh.acme__app.7.test';

let folder: string;
let issuer: TestIssuer;
let clock: ManualClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-tokens-'));
  issuer = await TestIssuer.start();
  clock = new ManualClock(Date.now());
  issuer.wallTime = () => clock.wallTime();
});
afterEach(async () => {
  await issuer[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A relay that lets in jobs of `acme`, by tokens of the test's own issuer. */
async function open(env: Readonly<Record<string, string>> = {}): Promise<RunningRelay> {
  const file = join(folder, 'policy.yaml');
  const policy = {
    audience: AUDIENCE,
    issuers: { ci: { url: issuer.url, like: 'github' } },
    agents: [
      { name: 'acme', issuer: 'ci', match: { repository_owner: 'acme' }, ids: 'gh.{repository}.{run_id}.*' },
    ],
  };
  await writeFile(file, stringify(policy));
  return openRelay({ clock, env: { POLICY_FILE: file, ...env } });
}

async function proof(claims: Readonly<Record<string, unknown>> = {}): Promise<Record<string, string>> {
  const token = await issuer.sign({ ...CLAIMS, ...claims });
  return { [IDENTITY_HEADER]: formatIdentity({ kind: 'oidc', token }) };
}

function passOf({ messages: [welcome] }: FakeAgent): string {
  if (welcome?.type !== 'welcome') throw new Error('no welcome');
  return welcome.pass;
}

test('an agent without one is asked for it; with it, it is in under the ID of its project and no other', async () => {
  const { port, log, metric } = await open();
  expect(await dialAgent(port, ID)).toMatchObject({
    status: 401,
    refusal: { code: 'identity_required', demand: { kinds: ['oidc'] } },
  });
  expect(issuer.asked).toEqual([]);
  const headers = await proof();
  using agent = await openAgent(port, ID, { headers });
  expect(passOf(agent)).not.toBe('');
  expect(log.find(({ msg }) => msg === 'agent linked')).toMatchObject({ rule: 'acme' });
  expect(await dialAgent(port, 'gh.acme__lib.7.test', { headers })).toMatchObject({
    refusal: { code: 'id_not_allowed' },
  });
  expect(await metric('converge_admissions_total{role="agent",rule="acme",by="proof"}')).toBe(1);
  expect(await metric('converge_issuer_key_fetches_total{outcome="fetched"}')).toBe(1);
  // What is shown is a secret while it counts.
  expect(JSON.stringify(log)).not.toContain(headers[IDENTITY_HEADER]?.split('.')[2]);
});

test('a token that has expired lets nobody in, and ends nothing: the agent comes back by its pass', async () => {
  const { port, metric } = await open();
  const headers = await proof();
  using agent = await openAgent(port, ID, { headers });
  clock.advance(600_000 + ISSUER_SKEW_MS);
  const late = await dialAgent(port, 'gh.acme__app.7.other', { headers });
  expect(late).toMatchObject({ status: 401, refusal: { code: 'token_expired' } });
  const shown = { claim: agent.claim, headers: { ...headers, [PASS_HEADER]: passOf(agent) } };
  using again = await openAgent(port, ID, shown);
  expect(passOf(again)).toBe(passOf(agent));
  await agent.closed;
  expect(await metric('converge_admissions_total{role="agent",rule="acme",by="pass"}')).toBe(1);
  expect(await metric('converge_refusals_total{code="token_expired"}')).toBe(1);
  // The pass is this agent's alone.
  const thief = await dialAgent(port, ID, { headers: { [PASS_HEADER]: passOf(agent) } });
  expect(thief).toMatchObject({ refusal: { code: 'identity_required' } });
});

test.each<[string, Readonly<Record<string, unknown>>, string, RegExp]>([
  ['of another project', { repository_owner: 'mallory' }, 'not_admitted', /acme.*repository_owner.*mallory/],
  ['for another relay', { aud: 'https://other.test' }, 'token_wrong_audience', /other\.test.*relay\.test/],
  ['of another issuer', { iss: 'https://ci.test' }, 'token_unknown_issuer', /ci\.test/],
  ['with an owner that is a list', { repository_owner: ['acme'] }, 'token_bad_claims', /repository_owner/],
])('one %s is refused in words that name it', async (_what, claims, code, words) => {
  const { port, metric } = await open();
  const outcome = await dialAgent(port, ID, { headers: await proof(claims) });
  if (outcome.kind !== 'refused') throw new Error('let in');
  expect(outcome.refusal?.code).toBe(code);
  expect(outcome.refusal?.message.printable()).toMatch(words);
  expect(await metric(`converge_refusals_total{code="${code}"}`)).toBe(1);
});

test('one by a key that its issuer does not have is refused, and so is everybody while the issuer is away', async () => {
  const { port, log, metric } = await open();
  const page = issuer.pages.get(KEYS_PATH);
  issuer.pages.set(KEYS_PATH, (_request, response) => response.writeHead(503).end());
  const headers = await proof();
  expect(await dialAgent(port, ID, { headers })).toMatchObject({
    status: 503,
    refusal: { code: 'issuer_unavailable' },
  });
  expect(log.find(({ fault }) => fault === 'bad_status')).toMatchObject({ level: 40, issuer: issuer.url });
  expect(await metric('converge_issuer_key_fetches_total{outcome="bad_status"}')).toBe(1);
  if (page !== undefined) issuer.pages.set(KEYS_PATH, page);
  clock.advance(RETRY_KEYS_EVERY_MS);
  using agent = await openAgent(port, ID, { headers });
  expect(passOf(agent)).not.toBe('');
  const token = await issuer.sign(CLAIMS, makeIssuerKey('made-up'));
  const stranger = { [IDENTITY_HEADER]: formatIdentity({ kind: 'oidc', token }) };
  expect(await dialAgent(port, ID, { headers: stranger })).toMatchObject({
    refusal: { code: 'token_unknown_key' },
  });
});

test('wrong ones of one address are looked at so often; a good one gets in after the wait', async () => {
  const { port, metric } = await open({ LIMIT_PRIVATE_ADDRESSES: 'true' });
  const wrong = await proof({ aud: 'https://other.test' });
  const answers = await Promise.all(
    Array.from({ length: WRONG_PROOFS_AT_ONCE + 10 }, () => dialAgent(port, ID, { headers: wrong })),
  );
  const codes = answers.map((answer) => (answer.kind === 'refused' ? answer.refusal?.code : answer.kind));
  expect(codes.filter((code) => code === 'token_wrong_audience')).toHaveLength(WRONG_PROOFS_AT_ONCE);
  expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(10);
  expect(await metric('converge_limit_hits_total{limit="address_proofs"}')).toBe(10);
  const headers = await proof();
  expect(await dialAgent(port, ID, { headers })).toMatchObject({
    status: 429,
    refusal: { code: 'rate_limited' },
  });
  clock.advance(1_000);
  using agent = await openAgent(port, ID, { headers });
  expect(passOf(agent)).not.toBe('');
});
