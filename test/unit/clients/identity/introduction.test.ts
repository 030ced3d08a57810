// The introduction against a relay by script: what each dial shows, and how often a proof is made.
import { beforeEach, describe, expect, test } from 'vitest';
import type { ProofMaker, Prover } from '#shared/identity/proof-maker.ts';
import { MAX_PROOFS_PER_DIAL } from '#shared/identity/proving-dial.ts';
import {
  IDENTITY_HEADER,
  type IdentityDemand,
  PASS_HEADER,
  type SignedFacts,
} from '#shared/protocol/identity.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import {
  type IntroducedDial,
  type IntroducedOutcome,
  Introduction,
  SIGNATURE_KEPT_MS,
} from '../../../../services/clients/identity/introduction.ts';
import { CHALLENGE_SKEW_MS, CHALLENGE_TTL_MS } from '../../../../services/relay/identity/challenge.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

const DEMAND: IdentityDemand = { kinds: ['token', 'key'], challenge: 'challenge' };

let clock: ManualClock;
/** What each dial showed, in order. */
let shown: string[];
/** Whether it might wait for the agent. */
let waits: boolean[];
let facts: SignedFacts[];
/** What the relay says to whom it knows. */
let agent: () => StreamDialOutcome;
let takes: (header: string) => RefusalCode | undefined;
let makes: ProofMaker['make'];
let kind: 'token' | 'key';
let stopping: AbortController;

beforeEach(() => {
  clock = new ManualClock(0);
  [shown, waits, facts] = [[], [], []];
  agent = () => ({ kind: 'open', stream: new FakeStream(), pass: 'pass' });
  takes = (header) => (header === 'none' ? 'identity_required' : undefined);
  kind = 'token';
  makes = () =>
    Promise.resolve({
      kind: 'made',
      identity:
        kind === 'token'
          ? { kind, token: `secret-${facts.length}` }
          : { kind, challenge: `c${facts.length}`, blob: Buffer.from('b'), signature: Buffer.from('s') },
    });
  stopping = new AbortController();
});

function refused(code: RefusalCode): StreamDialOutcome {
  const demand = code === 'identity_required' || code === 'challenge_stale' ? { demand: DEMAND } : {};
  const { status } = REFUSALS[code];
  return { kind: 'refused', status, refusal: { code, message: new Untrusted(`says ${code}`), ...demand } };
}

const dial: IntroducedDial = async (headers, mayWait) => {
  const pass = headers[PASS_HEADER];
  const what = pass === undefined ? (headers[IDENTITY_HEADER] ?? 'none') : `pass ${pass}`;
  shown.push(what);
  waits.push(mayWait);
  await settle();
  const code = takes(what);
  return code === undefined ? agent() : refused(code);
};

function introductionTo(relay: string): Introduction {
  const maker: ProofMaker = {
    kind: 'token',
    name: 'the token of the test',
    make(what, signal) {
      facts.push(what);
      return makes(what, signal);
    },
  };
  const prover: Prover = { makersFor: () => Promise.resolve({ kind: 'found', makers: [maker] }) };
  const { signal } = stopping;
  return new Introduction({ relay: new URL(relay), id: 'job', proxy: undefined, prover, clock, signal });
}

async function come(introduction: Introduction, signal?: AbortSignal): Promise<IntroducedOutcome> {
  return (await introduction.dial(dial, { signal, onProof: () => undefined })).outcome;
}

function all(introduction: Introduction, count = 20): Promise<IntroducedOutcome[]> {
  return Promise.all(Array.from({ length: count }, () => come(introduction)));
}

test('a relay that asks nobody hears nothing', async () => {
  takes = () => undefined;
  expect(await come(introductionTo('wss://relay.example/client/job'))).toMatchObject({ kind: 'open' });
  expect(shown).toEqual(['none']);
  expect(waits).toEqual([true]);
  expect(facts).toEqual([]);
});

test('a proof is for the origin that the person gave, and its pass does for later dials', async () => {
  const introduction = introductionTo('wss://relay.example:8443/a/client/job');
  expect(await come(introduction)).toMatchObject({ kind: 'open' });
  expect(await come(introduction)).toMatchObject({ kind: 'open' });
  expect(shown).toEqual(['none', 'token secret-1', 'pass pass']);
  const audience = 'https://relay.example:8443';
  expect(facts).toEqual([{ audience, role: 'client', id: 'job', claimHash: '', challenge: 'challenge' }]);
});

test('a pass that does not count any more is dropped for a proof', async () => {
  const introduction = introductionTo('wss://relay.example/client/job');
  await come(introduction);
  takes = (header) => (header === 'none' || header === 'pass pass' ? 'identity_required' : undefined);
  agent = () => ({ kind: 'open', stream: new FakeStream(), pass: 'new' });
  expect(await come(introduction)).toMatchObject({ kind: 'open' });
  takes = () => undefined;
  await come(introduction);
  expect(shown.slice(2)).toEqual(['pass pass', 'token secret-2', 'pass new']);
});

test('a pass that the certificate of the relay is not good for is not kept', async () => {
  const introduction = introductionTo('wss://relay.example/client/job');
  await come(introduction);
  agent = () =>
    shown.at(-1)?.startsWith('pass') === true
      ? { kind: 'unreachable', code: 'SELF_SIGNED_CERT_IN_CHAIN', detail: 'no' }
      : { kind: 'open', stream: new FakeStream() };
  takes = () => undefined;
  expect(await come(introduction)).toMatchObject({ kind: 'open' });
  expect(shown.slice(2)).toEqual(['pass pass', 'none']);
});

test('twenty connections at once make one proof, and the nineteen come with what it brought', async () => {
  const outcomes = await all(introductionTo('wss://relay.example/client/job'));
  expect(outcomes.every(({ kind }) => kind === 'open')).toBe(true);
  expect(facts).toHaveLength(1);
  expect(shown.filter((what) => what === 'none')).toHaveLength(20);
  expect(shown.filter((what) => what === 'token secret-1')).toHaveLength(1);
  expect(shown.filter((what) => what === 'pass pass')).toHaveLength(19);
});

test('a connection whose question was on its way while another one proved makes no proof of its own', async () => {
  const introduction = introductionTo('wss://relay.example/client/job');
  const { promise, resolve } = Promise.withResolvers<void>();
  const late: IntroducedDial = async (headers, mayWait) => {
    const outcome = await dial(headers, mayWait);
    await promise;
    return outcome;
  };
  const second = introduction.dial(late, { signal: undefined, onProof: () => undefined });
  await come(introduction);
  resolve();
  expect((await second).outcome).toMatchObject({ kind: 'open' });
  expect(facts).toHaveLength(1);
});

describe('while the agent is not there', () => {
  beforeEach(() => {
    agent = () => refused('agent_not_found');
  });

  test('a proof that was accepted is shown again, and nothing waits for it', async () => {
    const introduction = introductionTo('wss://relay.example/client/job');
    for (let n = 0; n < 3; n++)
      expect(await come(introduction)).toMatchObject({ refusal: { code: 'agent_not_found' } });
    clock.advance(3_600_000);
    await come(introduction);
    expect(shown).toEqual(['none', ...Array(4).fill('token secret-1')]);
    expect(waits).toEqual([true, false, true, true, true]);
  });

  test('a signature is made anew before its challenge is over', async () => {
    kind = 'key';
    const introduction = introductionTo('wss://relay.example/client/job');
    await come(introduction);
    clock.advance(SIGNATURE_KEPT_MS - 1);
    await come(introduction);
    clock.advance(1);
    await come(introduction);
    const [first, second] = ['key c1 Yg== cw==', 'key c2 Yg== cw=='];
    expect(shown).toEqual(['none', first, first, 'none', second]);
  });

  test.each(['challenge_stale', 'token_expired', 'not_admitted'] as const)(
    'a proof that meets %s meanwhile is made anew',
    async (code) => {
      const introduction = introductionTo('wss://relay.example/client/job');
      await come(introduction);
      takes = (header) =>
        header === 'none' ? 'identity_required' : header === 'token secret-1' ? code : undefined;
      expect(await come(introduction)).toMatchObject({ refusal: { code: 'agent_not_found' } });
      expect(shown.slice(2)).toEqual(['token secret-1', 'none', 'token secret-2']);
    },
  );

  test('twenty who wait have one proof', async () => {
    const introduction = introductionTo('wss://relay.example/client/job');
    await all(introduction);
    await all(introduction);
    expect(facts).toHaveLength(1);
  });
});

describe('a proof that cannot be had', () => {
  test('is asked for once, and everybody hears why', async () => {
    makes = async () => {
      // As long as all others have asked.
      while (shown.length < 20) await settle();
      await settle();
      return { kind: 'unmade', message: 'nobody signed on', passes: false };
    };
    const introduction = introductionTo('wss://relay.example/client/job');
    const message = 'relay.example asks clients who they are: nobody signed on';
    expect(await all(introduction)).toEqual(
      Array.from({ length: 20 }, () => ({ kind: 'unproved', message, passes: false })),
    );
    expect(facts).toHaveLength(1);
    // Whoever comes later may have better luck.
    expect(await come(introduction)).toMatchObject({ kind: 'unproved' });
    expect(facts).toHaveLength(2);
  });

  test('since the relay refuses it is asked for once, too', async () => {
    takes = (header) => (header === 'none' ? 'identity_required' : 'token_unknown');
    const outcomes = await all(introductionTo('wss://relay.example/client/job'));
    expect(outcomes.every((one) => one.kind === 'refused' && one.refusal?.code === 'token_unknown')).toBe(
      true,
    );
    expect(facts).toHaveLength(1);
    expect(shown.filter((what) => what !== 'none')).toEqual(['token secret-1']);
  });

  test.each(['ws://relay.example/client/job', 'ws://127.0.0.1.example/client/job'])(
    'since others could read it is not made: %s',
    async (relay) => {
      expect(await come(introductionTo(relay))).toMatchObject({
        kind: 'unproved',
        message: expect.stringContaining('use wss://'),
      });
      expect(facts).toEqual([]);
      expect(shown).toEqual(['none']);
    },
  );

  test.each(['ws://127.0.0.1:8080/client/job', 'ws://localhost/client/job', 'ws://[::1]:1/client/job'])(
    'over plain HTTP is had on this machine: %s',
    async (relay) => {
      expect(await come(introductionTo(relay))).toMatchObject({ kind: 'open' });
    },
  );
});

describe('a relay that lies', () => {
  test('and asks again whatever it gets is left alone soon', async () => {
    takes = () => 'identity_required';
    expect(await come(introductionTo('wss://relay.example/client/job'))).toMatchObject({ kind: 'refused' });
    expect(shown.length).toBeLessThanOrEqual(MAX_PROOFS_PER_DIAL + 2);
  });

  test('and takes a proof once only, in turns, is left alone soon', async () => {
    let n = 0;
    takes = () => (n++ % 2 === 0 ? 'identity_required' : undefined);
    agent = () => refused('agent_not_found');
    const introduction = introductionTo('wss://relay.example/client/job');
    for (let dials = 0; dials < 10; dials++) await come(introduction);
    expect(shown.length).toBeLessThanOrEqual(10 * (MAX_PROOFS_PER_DIAL + 2));
  });
});

describe('a connection that goes away while its proof is made', () => {
  test('ends at once, and another one goes on with the proof', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const made = makes;
    makes = async (...args) => {
      await promise;
      return made(...args);
    };
    const introduction = introductionTo('wss://relay.example/client/job');
    const abort = new AbortController();
    const first = come(introduction, abort.signal);
    const second = come(introduction);
    while (facts.length === 0) await settle();
    abort.abort();
    expect(await first).toMatchObject({ kind: 'unreachable', code: 'ABORTED' });
    resolve();
    expect(await second).toMatchObject({ kind: 'open' });
    expect(facts).toHaveLength(1);
  });

  test('leaves no stream behind that nobody takes', async () => {
    const stream = new FakeStream();
    const { promise, resolve } = Promise.withResolvers<void>();
    agent = () => ({ kind: 'open', stream });
    const slow: IntroducedDial = async (headers, mayWait) => {
      if (headers[IDENTITY_HEADER] !== undefined) await promise;
      return dial(headers, mayWait);
    };
    const introduction = introductionTo('wss://relay.example/client/job');
    const abort = new AbortController();
    const first = introduction.dial(slow, { signal: abort.signal, onProof: () => undefined });
    while (facts.length === 0) await settle();
    abort.abort();
    expect((await first).outcome).toMatchObject({ code: 'ABORTED' });
    resolve();
    while (stream.cuts.length === 0) await settle();
  });
});

test('the time of a proof is measured, and that it is needed is said first', async () => {
  const said: string[] = [];
  const made = makes;
  makes = (...args) => {
    said.push('made');
    clock.advance(60_000);
    return made(...args);
  };
  const introduction = introductionTo('wss://relay.example/client/job');
  const { provingMs } = await introduction.dial(dial, {
    signal: undefined,
    onProof: () => said.push('needed'),
  });
  expect(said).toEqual(['needed', 'made']);
  expect(provingMs).toBe(60_000);
});

test('a signature is shown for less time than its challenge is good for, and what the clocks of the pods take from that', () => {
  expect(SIGNATURE_KEPT_MS + CHALLENGE_SKEW_MS).toBeLessThan(CHALLENGE_TTL_MS);
});
