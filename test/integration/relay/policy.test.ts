// The policy file at a relay: who comes in by it, what changes when it changes, and that a mistake in it changes nothing.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createClaim, hashClaim } from '#shared/protocol/claim.ts';
import { IDENTITY_HEADER, PASS_HEADER, signedText } from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { sshsigBytes } from '#shared/ssh/sshsig.ts';
import { POLICY_POLL_MS, POLICY_SETTLE_MS } from '../../../services/relay/policy/file/policy-watch.ts';
import { dialAgent, type FakeAgent, openAgent } from '../../support/relay/fake-agent.ts';
import { type JoinedPair, joinPair } from '../../support/relay/joined-pair.ts';
import { openClient, type RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { makeTestKey } from '../../support/ssh/test-key.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

const AGENTS = 10;
const SESSIONS_EACH = 10;

let folder: string;
let file: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'converge-policy-'));
  file = join(folder, 'policy.yaml');
  clock = new ManualClock(Date.now());
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function ruleFor(token: string, more = ''): string {
  const sha256 = createHash('sha256').update(token).digest('hex');
  return `{ name: jobs, tokens: [ { name: t, sha256: ${sha256}, expires: 2099-01-31 } ], ids: job*${more} }`;
}

const proofOf = (token: string) => ({ [IDENTITY_HEADER]: formatIdentity({ kind: 'token', token }) });

function open(policy: string): Promise<RunningRelay> {
  writeFileSync(file, policy);
  return openRelay({ clock, env: { POLICY_FILE: file } });
}

/** Puts another policy in the place of the one there, and waits until the relay has looked at it. */
async function change(relay: RunningRelay, policy: string): Promise<void> {
  const seen = () => relay.log.filter(({ msg }) => msg.startsWith('policy ')).length;
  const before = seen();
  writeFileSync(file, policy);
  clock.advance(POLICY_POLL_MS);
  await until('the policy has been read', () => {
    clock.advance(POLICY_SETTLE_MS);
    return seen() > before;
  });
}

function passOf({ messages: [welcome] }: FakeAgent): string {
  return welcome?.type === 'welcome' ? welcome.pass : '';
}

test('a policy that changes under 100 sessions ends none of them, and counts for whoever comes next', async () => {
  const relay = await open(`agents: [ ${ruleFor('old')} ]`);
  const { port } = relay;
  const agents: FakeAgent[] = [];
  const pairs: JoinedPair[] = [];
  onTestFinished(() => {
    for (const each of [...pairs, ...agents]) each[Symbol.dispose]();
  });
  for (let index = 0; index < AGENTS; index += 1) {
    const agent = await openAgent(port, `job-${index}`, { headers: proofOf('old') });
    agents.push(agent);
    for (let each = 0; each < SESSIONS_EACH; each += 1)
      pairs.push(await joinPair(port, agent, `job-${index}`));
  }
  expect(await relay.metric('converge_sessions')).toBe(AGENTS * SESSIONS_EACH);

  await change(relay, `agents: [ ${ruleFor('new')} ]\nclients: []`);
  expect(relay.log.at(-1)).toMatchObject({ msg: 'policy reloaded', agents: 1, clients: 0 });
  for (const { client, stream } of pairs) {
    client.send(Buffer.from('still here'));
    stream.resume();
    const [data] = (await once(stream, 'message')) as [Buffer];
    expect(data.toString()).toBe('still here');
  }
  expect([await relay.metric('converge_sessions'), await relay.metric('converge_agents')]).toEqual([100, 10]);

  expect(await dialAgent(port, 'job-x', { headers: proofOf('old') })).toMatchObject({
    status: 401,
    refusal: { code: 'token_unknown' },
  });
  expect(await openClient(port, 'job-0')).toMatchObject({ status: 403, refusal: { code: 'not_admitted' } });
  using next = await openAgent(port, 'job-y', { headers: proofOf('new') });
  expect(next.messages).toHaveLength(1);
});

test('a pass counts for the rule as it was: one that asks for something else asks again, one with other limits does not', async () => {
  const relay = await open(`agents: [ ${ruleFor('old')} ]`);
  const { port } = relay;
  using agent = await openAgent(port, 'job-1', { headers: proofOf('old') });
  const back = { claim: agent.claim, headers: { [PASS_HEADER]: passOf(agent) } };
  await change(relay, `agents: [ ${ruleFor('old', ', limits: { sessions: 3 }')} ]`);
  using again = await openAgent(port, 'job-1', back);
  expect(again.messages).toHaveLength(1);
  await change(relay, `agents: [ ${ruleFor('old', ', networks: 203.0.113.0/24')} ]`);
  expect(await dialAgent(port, 'job-1', back)).toMatchObject({ refusal: { code: 'identity_required' } });
  const proved = { claim: agent.claim, headers: { ...back.headers, ...proofOf('old') } };
  expect(await dialAgent(port, 'job-1', proved)).toMatchObject({
    status: 403,
    refusal: { code: 'not_admitted' },
  });
});

test.each([
  ['true', 1],
  ['127.0.0.1', 0],
])(
  'a policy that goes by addresses, at a relay that lets anybody name them, is warned of: TRUST_PROXY=%s',
  async (trust, lines) => {
    writeFileSync(file, 'clients: [ { name: office, networks: 203.0.113.0/24 } ]');
    const { log } = await openRelay({ clock, env: { POLICY_FILE: file, TRUST_PROXY: trust } });
    expect(log.filter(({ msg }) => msg.startsWith('TRUST_PROXY is true'))).toHaveLength(lines);
  },
);

test('a version with a fault changes nothing, and log and metrics say so until it is mended', async () => {
  const relay = await open(`agents: [ ${ruleFor('old')} ]`);
  const { port, metric } = relay;
  await change(relay, `agents: [ ${ruleFor('new')} ]\nagnts: x\nclients: y`);
  expect(relay.log.at(-1)).toMatchObject({
    level: 50,
    msg: 'policy not reloaded: the one before stays',
    faults: [
      expect.stringMatching(/policy\.yaml:2: "agnts"/),
      expect.stringMatching(/policy\.yaml:3: "clients"/),
    ],
  });
  using agent = await openAgent(port, 'job-1', { headers: proofOf('old') });
  expect(agent.messages).toHaveLength(1);
  const counts = async () => [
    await metric('converge_policy_stale'),
    await metric('converge_policy_loads_total{outcome="loaded"}'),
    await metric('converge_policy_loads_total{outcome="rejected"}'),
  ];
  expect(await counts()).toEqual([1, 1, 1]);
  await change(relay, `agents: [ ${ruleFor('new')} ]`);
  expect(await counts()).toEqual([0, 2, 1]);
  const sha256 = createHash('sha256')
    .update(`agents: [ ${ruleFor('new')} ]`)
    .digest('hex');
  expect(await metric(`converge_policy_info{sha256="${sha256}"}`)).toBe(1);
  expect(await metric('converge_policy_info')).toBe(1);
});

test('an empty list of agents admits nobody', async () => {
  const { port } = await open('agents: []');
  for (const headers of [{}, proofOf('any')])
    expect(await dialAgent(port, 'job-1', { headers })).toMatchObject({
      status: 403,
      refusal: { code: 'not_admitted' },
    });
});

test('an agent is told by what it missed, and nothing of what the rule wants', async () => {
  const { port } = await open(`agents: [ ${ruleFor('old')} ]`);
  const outcome = await dialAgent(port, 'other', { headers: proofOf('old') });
  expect(outcome).toMatchObject({ status: 403, refusal: { code: 'id_not_allowed' } });
  const message = outcome.kind === 'refused' ? String(outcome.refusal?.message) : '';
  expect(message).toBe('no rule admits this: rule jobs does not, since the ID would have to be job*');
});

test('an agent comes in by a key that has signed the challenge of the refusal', async () => {
  const key = makeTestKey('ssh-ed25519');
  const audience = 'http://127.0.0.1:8080';
  const line = `${key.type} ${key.blob.toString('base64')}`;
  const { port, log } = await open(
    `audience: ${audience}\nagents: [ { name: lab, keys: '${line}', ids: lab } ]`,
  );
  const refused = await dialAgent(port, 'lab');
  const demand = refused.kind === 'refused' ? refused.refusal?.demand : undefined;
  expect(demand?.kinds).toEqual(['key']);
  const claim = createClaim();
  const challenge = demand?.challenge ?? '';
  const facts = { audience, role: 'agent', id: 'lab', claimHash: hashClaim(claim), challenge } as const;
  const signature = key.sign(sshsigBytes(signedText(facts), 'converge'));
  const header = formatIdentity({ kind: 'key', challenge, blob: key.blob, signature });
  using agent = await openAgent(port, 'lab', { claim, headers: { [IDENTITY_HEADER]: header } });
  expect(passOf(agent)).not.toBe('');
  expect(log.find(({ msg }) => msg === 'agent linked')).toMatchObject({
    rule: 'lab',
    subject: expect.stringMatching(/^SHA256:/),
  });
});

test('a relay without a policy says that it is open, once in its log and on its page; one with a policy does not', async () => {
  const page = async ({ port }: RunningRelay) =>
    (await (await fetch(`http://127.0.0.1:${port}/`)).text()).replaceAll(/\s+/g, ' ');
  const without = await openRelay({ clock });
  const open_ = 'open: everybody who reaches this relay may use it';
  expect(without.log.filter(({ msg }) => msg === open_)).toHaveLength(1);
  expect(await page(without)).toContain(open_);
  expect(await without.metric('converge_policy_info')).toBe(0);
  const withPolicy = await open('agents: []');
  expect(withPolicy.log.filter(({ msg }) => msg.startsWith('policy '))).toMatchObject([
    { msg: 'policy in force', file, agents: 0, clients: 'anybody' },
  ]);
  expect(withPolicy.log.some(({ msg }) => msg === open_)).toBe(false);
  expect(await page(withPolicy)).not.toMatch(/everybody who reaches/);
});
