// The gate at the routes: what somebody without a proof is told, what a pass is good for, and what the limits of a rule end.
import { once } from 'node:events';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { ACCESS_FROM_POLICY, ACCESS_HEADER } from '#shared/protocol/access.ts';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import { ADD_EVERY_MS } from '../../../services/relay/gate/allowances.ts';
import { END_GRACE_MS } from '../../../services/relay/http/route/agent.ts';
import {
  dialAgent,
  type FakeAgent,
  openAgent,
  openAgentStream,
  socketOf,
} from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { handshakeText, openClient, openRaw, type RunningRelay } from '../../support/relay/relay.ts';
import { GOOD_PROOF as PROOF, TestPolicy } from '../../support/relay/test-policy.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { settle, until } from '../../support/time/poll.ts';

let policy: TestPolicy;
let clock: ManualClock;
beforeEach(() => {
  policy = new TestPolicy();
  clock = new ManualClock(Date.now());
});

const open = (): Promise<RunningRelay> => openRelay({ clock, gateParts: policy.parts });

function welcomeOf(agent: FakeAgent) {
  const [welcome] = agent.messages;
  if (welcome?.type !== 'welcome') throw new Error('no welcome');
  return welcome;
}

describe('an agent', () => {
  test('without a proof is told what would do, in the body of the refusal', async () => {
    const { port, metric } = await open();
    const outcome = await dialAgent(port, 'job');
    expect(outcome).toMatchObject({
      kind: 'refused',
      status: 401,
      refusal: { code: 'identity_required', demand: { kinds: ['token'], challenge: 'challenge' } },
    });
    expect(await metric('converge_refusals_total{code="identity_required"}')).toBe(1);
  });

  test('hears by its rule who may enter, if it asks, with a proof and with a pass, and not otherwise', async () => {
    policy = new TestPolicy({}, { userAuthorities: ['ssh-ed25519 AAAA ours'], people: ['github:ada'] });
    const { port } = await open();
    const asking = { ...PROOF, [ACCESS_HEADER]: ACCESS_FROM_POLICY };
    const access = { type: 'access', authorities: ['ssh-ed25519 AAAA ours'], people: ['github:ada'] };
    using agent = await openAgent(port, 'job', { headers: asking });
    await until('two messages', () => agent.messages.length > 1);
    expect(agent.messages[1]).toEqual(access);
    const headers = { [ACCESS_HEADER]: ACCESS_FROM_POLICY, [PASS_HEADER]: welcomeOf(agent).pass };
    using back = await openAgent(port, 'job', { claim: agent.claim, headers });
    await until('two messages', () => back.messages.length > 1);
    expect(back.messages[1]).toEqual(access);
    for (const other of [{}, { [ACCESS_HEADER]: 'everything' }]) {
      using silent = await openAgent(port, `silent-${String(Object.keys(other).length)}`, {
        headers: { ...PROOF, ...other },
      });
      await settle();
      expect(silent.messages.map(({ type }) => type)).toEqual(['welcome']);
    }
  });

  test('hears that nobody may, from a rule or a relay that says nothing of it', async () => {
    const headers = { ...PROOF, [ACCESS_HEADER]: ACCESS_FROM_POLICY };
    for (const relay of [await open(), await openRelay()]) {
      using agent = await openAgent(relay.port, 'job', { headers });
      await until('two messages', () => agent.messages.length > 1);
      expect(agent.messages[1]).toEqual({ type: 'access', authorities: [], people: [] });
    }
  });

  test('with one gets a pass, and comes back with that where the token is good no more', async () => {
    const { port, metric, log } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    const { pass, lifetimeMs } = welcomeOf(agent);
    expect([pass.length > 60, lifetimeMs]).toEqual([true, 0]);
    expect(log.find(({ msg }) => msg === 'agent linked')).toMatchObject({ rule: 'rule', subject: 'tester' });
    policy.isGood = false;
    expect(await dialAgent(port, 'another', { headers: PROOF })).toMatchObject({
      refusal: { code: 'token_unknown' },
    });
    const back = { claim: agent.claim, headers: { ...PROOF, [PASS_HEADER]: pass } };
    using again = await openAgent(port, 'job', back);
    expect(welcomeOf(again)).toMatchObject({ pass, epoch: welcomeOf(agent).epoch + 1 });
    expect(await agent.closed).toMatchObject({ code: 4409 });
    expect(await metric('converge_admissions_total{role="agent",rule="rule",by="pass"}')).toBe(1);
    expect(await dialAgent(port, 'job', { headers: { [PASS_HEADER]: pass } })).toMatchObject({
      refusal: { code: 'identity_required' },
    });
  });

  test('that shows a header twice, or one that is no proof, is refused', async () => {
    const { port } = await open();
    for (const value of [
      'nonsense',
      'token',
      'oidc a b',
      'token good, token good',
      `token ${'x'.repeat(9_000)}`,
    ])
      expect(await dialAgent(port, 'job', { headers: { [IDENTITY_HEADER]: value } })).toMatchObject({
        refusal: { code: 'identity_malformed' },
      });
  });

  test('whose time is over is cut off if it does not end by itself, and does not come back', async () => {
    policy = new TestPolicy({ lifetimeMs: 60_000 });
    const { port } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    const { pass, lifetimeMs } = welcomeOf(agent);
    expect(lifetimeMs).toBe(60_000);
    clock.advance(20_000);
    using again = await openAgent(port, 'job', { claim: agent.claim, headers: { [PASS_HEADER]: pass } });
    expect(welcomeOf(again).lifetimeMs).toBe(40_000);
    let isOver = false;
    void again.closed.then(() => {
      isOver = true;
    });
    // In steps, each with a round trip, so that the relay hears of the agent.
    for (let elapsedMs = 0; elapsedMs < 40_000 + END_GRACE_MS - 1_000; elapsedMs += 1_000) {
      clock.advance(1_000);
      again.socket.ping();
      await once(again.socket, 'pong');
    }
    expect(isOver).toBe(false);
    clock.advance(1_000);
    expect(await again.closed).toMatchObject({ code: 4408, reason: 'expired' });
    const back = { claim: agent.claim, headers: { [PASS_HEADER]: pass } };
    expect(await dialAgent(port, 'job', back)).toMatchObject({
      status: 403,
      refusal: { code: 'lifetime_over' },
    });
  });

  test('takes a place of its rule until it says goodbye, and one that is lost keeps it', async () => {
    policy = new TestPolicy({ agents: 1 });
    const { port, metric } = await open();
    const agent = await openAgent(port, 'job', { headers: PROOF });
    expect(await dialAgent(port, 'another', { headers: PROOF })).toMatchObject({
      status: 429,
      refusal: { code: 'rule_full' },
    });
    agent.socket.close(1000, 'ended');
    await agent.closed;
    await until('the place is free', async () => (await metric('converge_agents')) === 0);
    using next = await openAgent(port, 'another', { headers: PROOF });
    next.socket.terminate();
    await until('it is lost', async () => (await metric('converge_agents')) === 0);
    expect(await dialAgent(port, 'third', { headers: PROOF })).toMatchObject({
      refusal: { code: 'rule_full' },
    });
    const back = { claim: next.claim, headers: { [PASS_HEADER]: welcomeOf(next).pass } };
    using again = await openAgent(port, 'another', back);
    expect(welcomeOf(again).epoch).toBe(2);
  });

  test('whose ID is taken gives its place back', async () => {
    policy = new TestPolicy({ agents: 2 });
    const { port } = await open();
    using first = await openAgent(port, 'job', { headers: PROOF });
    expect(await dialAgent(port, 'job', { headers: PROOF })).toMatchObject({ refusal: { code: 'id_taken' } });
    using second = await openAgent(port, 'another', { headers: PROOF });
    expect([first, second].map(({ messages }) => messages.length)).toEqual([1, 1]);
  });
});

describe('a client', () => {
  test('without a proof is refused before the agent hears of it', async () => {
    const { port } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    expect(await openClient(port, 'job')).toMatchObject({
      status: 401,
      refusal: { code: 'identity_required', demand: { kinds: ['token'] } },
    });
    expect(agent.messages).toHaveLength(1);
  });

  test('that waits for its agent while the policy changes is asked again before it reaches it', async () => {
    const { port } = await open();
    const waiting = openClient(port, 'job', { headers: PROOF, waitSeconds: 60 });
    const { current } = policy.source;
    if (current === undefined) throw new Error('a policy');
    await settle();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    const { ticket } = await agent.dial(0);
    policy.source.current = { ...current, clients: [] };
    const stream = socketOf(await openAgentStream(port, 'job', ticket));
    const ended = once(stream, 'close');
    expect(await waiting).toMatchObject({ refusal: { code: 'identity_required' } });
    stream.resume();
    expect(await ended).toMatchObject([1001, expect.anything()]);
  });

  test('with one gets a pass on its 101, good for this ID alone, and none of an open relay', async () => {
    const { port } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    using other = await openAgent(port, 'other', { headers: PROOF });
    using pair = await joinPair(port, agent, 'job', { headers: PROOF });
    const pass = await passFrom(port, 'job', agent);
    policy.isGood = false;
    using back = await joinPair(port, agent, 'job', { headers: { [PASS_HEADER]: pass } });
    expect([pair, back].map(({ client }) => client.readyState)).toEqual([1, 1]);
    expect(await openClient(port, 'other', { headers: { [PASS_HEADER]: pass } })).toMatchObject({
      refusal: { code: 'identity_required' },
    });
    expect(other.messages).toHaveLength(1);
  });

  test('is one of as many as the rule of its agent allows', async () => {
    policy = new TestPolicy({ sessions: 1 });
    const { port } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    using pair = await joinPair(port, agent, 'job', { headers: PROOF });
    const refused = openClient(port, 'job', { headers: PROOF });
    await openStreamFor(port, agent, 1);
    expect(await refused).toMatchObject({ status: 429, refusal: { code: 'rule_full' } });
    pair.stream.resume();
    pair.client.terminate();
    await once(pair.stream, 'close');
    using next = await joinPair(port, agent, 'job', { headers: PROOF });
    expect(next.client.readyState).toBe(1);
  });

  test('is cut when the agent has moved all its bytes, with a word that is no fault', async () => {
    policy = new TestPolicy({ totalBytes: 1_000 });
    const { port } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    using pair = await joinPair(port, agent, 'job', { headers: PROOF });
    const { client, stream } = pair;
    const closes: number[] = [];
    client.on('close', (code) => closes.push(code));
    client.resume();
    stream.resume();
    client.send(Buffer.alloc(1_000));
    await once(stream, 'message');
    clock.advance(ADD_EVERY_MS);
    await until('both ends are closed', () => closes.length > 0 && stream.readyState === 3);
    const refused = openClient(port, 'job', { headers: PROOF });
    await openStreamFor(port, agent, 1);
    expect(await refused).toMatchObject({ status: 403, refusal: { code: 'allowance_spent' } });
  });

  test('is held back to the rate of the rule, in both directions together, and loses nothing', async () => {
    policy = new TestPolicy({ bytesPerSecond: 50_000 });
    const { port } = await open();
    using agent = await openAgent(port, 'job', { headers: PROOF });
    using pair = await joinPair(port, agent, 'job', { headers: PROOF });
    const { client, stream } = pair;
    let got = 0;
    stream.on('message', (data: Buffer) => {
      got += data.length;
    });
    client.resume();
    stream.resume();
    const total = 2_000_000;
    for (let sent = 0; sent < total; sent += 20_000) client.send(Buffer.alloc(20_000));
    // What a socket reads before it pauses may come; the rest needs its 39 seconds.
    await until('it stands still', () => got > 50_000);
    expect(got).toBeLessThan(1_000_000);
    await until('all has come', () => {
      clock.advance(1_000);
      return got === total;
    });
  });
});

/** The agent's stream for dial `index`, so that the client's fate is decided. */
async function openStreamFor(port: number, agent: FakeAgent, index: number): Promise<void> {
  const { ticket } = await agent.dial(index);
  const stream = socketOf(await openAgentStream(port, 'job', ticket));
  stream.resume();
  onTestFinished(() => {
    stream.terminate();
  });
}

/** The pass in the answer to a client. */
async function passFrom(port: number, id: string, agent: FakeAgent): Promise<string> {
  using raw = await openRaw(port, handshakeText(`/client/${id}`, PROOF));
  await openStreamFor(port, agent, 1);
  // Not before it is there: the connection ends with this function.
  return await until('the answer', () => /^converge-pass: (\S+)\r$/im.exec(raw.received())?.[1]);
}
