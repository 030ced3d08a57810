// The proving dial: what it shows to whom, in which order, how often, and what it tells people when nothing was accepted.
import { beforeEach, describe, expect, test } from 'vitest';
import type { FoundMakers, MadeProof, ProofMaker, Prover } from '#shared/identity/proof-maker.ts';
import { isPrivateWay } from '#shared/identity/proof-way.ts';
import { dialProving, MAX_PROOFS_PER_DIAL } from '#shared/identity/proving-dial.ts';
import { MAX_SHOWN_TOKEN_CHARACTERS, tokenMakerFrom } from '#shared/identity/token-maker.ts';
import {
  IDENTITY_HEADER,
  MAX_IDENTITY_CHARACTERS,
  PASS_HEADER,
  type SignedFacts,
} from '#shared/protocol/identity.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';

type Answer = FailedDial | { readonly kind: 'open' };
type Headers = Readonly<Record<string, string>>;

const OPEN: Answer = { kind: 'open' };

function refusal(code: RefusalCode, challenge?: string): Answer {
  const demand = challenge === undefined ? {} : { demand: { kinds: ['token', 'key'] as const, challenge } };
  const { status } = REFUSALS[code];
  return { kind: 'refused', status, refusal: { code, message: new Untrusted(`no: ${code}`), ...demand } };
}

const ASKED = refusal('identity_required', 'first');

let shown: Headers[];
let asked: SignedFacts[];
let answers: Answer[];
let found: FoundMakers | undefined;
let finds: number;

beforeEach(() => {
  shown = [];
  asked = [];
  answers = [];
  finds = 0;
  found = { kind: 'found', makers: [maker('a')] };
});

/** Makes a token of its name and the challenge. */
function maker(name: string, made?: MadeProof): ProofMaker {
  return {
    kind: 'token',
    name: `the token ${name}`,
    make(facts) {
      asked.push(facts);
      const identity = { kind: 'token', token: `${name}-${facts.challenge}` } as const;
      return Promise.resolve(made ?? { kind: 'made', identity });
    },
  };
}

const prover: Prover = {
  makersFor(kinds) {
    finds += 1;
    expect(kinds).toEqual(['token', 'key']);
    return Promise.resolve(found ?? { kind: 'none', message: 'there is nothing' });
  },
};

/** Whatever is asked beyond the answers gets a demand, as from a relay that never has enough. */
function dial(url = 'wss://relay.test/agent/job', pass = '', proxy?: URL, signal?: AbortSignal) {
  const who = { role: 'agent', id: 'job', claimHash: 'hash' } as const;
  return dialProving(
    { relay: new URL(url), proxy, who, prover, pass, signal: signal ?? new AbortController().signal },
    (headers) => {
      shown.push(headers);
      return Promise.resolve(answers.shift() ?? ASKED);
    },
  );
}

const proofs = (): (string | undefined)[] => shown.map((headers) => headers[IDENTITY_HEADER]);

describe('a proving dial', () => {
  test('shows nothing to a relay that does not ask, and looks for nothing', async () => {
    for (const answer of [
      OPEN,
      refusal('id_taken'),
      refusal('identity_required'),
      refusal('draining', 'x'),
    ]) {
      answers = [answer];
      expect(await dial()).toEqual(answer);
    }
    expect(shown).toEqual([{}, {}, {}, {}]);
    expect(finds).toBe(0);
  });

  test('shows a pass first, and a proof in place of it where the pass does not count any more', async () => {
    answers = [ASKED, OPEN];
    expect(await dial(undefined, 'pass')).toEqual(OPEN);
    expect(shown).toEqual([{ [PASS_HEADER]: 'pass' }, { [IDENTITY_HEADER]: 'token a-first' }]);
  });

  test.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'shows no pass to a peer without a good certificate (%s), and dials as if it had none',
    async (code) => {
      answers = [{ kind: 'unreachable', code, detail: 'no' }, OPEN];
      expect(await dial(undefined, 'pass')).toEqual(OPEN);
      expect(shown).toEqual([{ [PASS_HEADER]: 'pass' }, {}]);
    },
  );

  test('dials once where nobody answers, with a pass too', async () => {
    const away: Answer = { kind: 'unreachable', code: 'ECONNREFUSED', detail: 'no' };
    answers = [away, OPEN];
    expect(await dial(undefined, 'pass')).toEqual(away);
    expect(shown).toHaveLength(1);
  });

  test('never sends a pass that is no header value', async () => {
    answers = [OPEN];
    await dial(undefined, 'a\r\nconverge-claim: other');
    expect(shown).toEqual([{}]);
  });

  test('makes a proof for the origin that it was given, whatever else is in the URL', async () => {
    answers = [ASKED, OPEN];
    await dial('wss://relay.test:8443/prefix/agent/job?x=1#y');
    expect(asked).toEqual([
      {
        audience: 'https://relay.test:8443',
        role: 'agent',
        id: 'job',
        claimHash: 'hash',
        challenge: 'first',
      },
    ]);
  });

  test('signs anew once when the challenge was too old, and no second time', async () => {
    answers = [ASKED, refusal('challenge_stale', 'second'), OPEN];
    expect(await dial()).toEqual(OPEN);
    expect(proofs()).toEqual([undefined, 'token a-first', 'token a-second']);
    shown = [];
    const again = refusal('challenge_stale', 'third');
    answers = [ASKED, refusal('challenge_stale', 'second'), again, OPEN];
    expect(await dial()).toEqual(again);
    expect(shown).toHaveLength(3);
  });

  test('gives the refusal of its only proof as it is', async () => {
    answers = [ASKED, refusal('not_admitted')];
    expect(await dial()).toEqual(refusal('not_admitted'));
    expect(shown).toHaveLength(2);
  });

  test('tries one proof after the other, and names those that were refused', async () => {
    found = { kind: 'found', makers: ['a', 'b', 'c'].map((name) => maker(name)) };
    answers = [ASKED, refusal('key_unknown'), refusal('token_expired'), OPEN];
    expect(await dial()).toEqual(OPEN);
    expect(proofs()).toEqual([undefined, 'token a-first', 'token b-first', 'token c-first']);
    answers = [ASKED, refusal('key_unknown'), refusal('token_expired'), refusal('not_admitted')];
    expect(await dial()).toEqual({
      kind: 'unproved',
      message:
        'relay.test asks agents who they are: the token a was refused: no: key_unknown (key_unknown); ' +
        'the token b was refused: no: token_expired (token_expired); the token c was refused: no: not_admitted (not_admitted)',
      passes: false,
    });
  });

  test('goes on to no other proof where the refusal is not about the proof', async () => {
    found = { kind: 'found', makers: [maker('a'), maker('b')] };
    for (const code of ['rule_full', 'issuer_unavailable', 'rate_limited', 'blocked', 'id_taken'] as const) {
      shown = [];
      answers = [ASKED, refusal(code)];
      expect(await dial()).toEqual(refusal(code));
      expect(shown).toHaveLength(2);
    }
  });

  test('is bounded, whatever a relay asks', async () => {
    found = { kind: 'found', makers: Array.from({ length: 20 }, (_, index) => maker(String(index))) };
    // A relay that asks again after a proof has been shown gets no other.
    expect(await dial()).toEqual(ASKED);
    expect(shown).toHaveLength(2);
    shown = [];
    const stale = refusal('challenge_stale', 'x');
    answers = [ASKED, stale, ...Array.from({ length: 50 }, () => refusal('key_unknown'))];
    expect(await dial()).toMatchObject({ kind: 'unproved', passes: false });
    expect(shown).toHaveLength(MAX_PROOFS_PER_DIAL + 2);
  });

  test('says what is missing', async () => {
    found = undefined;
    expect(await dial()).toEqual({
      kind: 'unproved',
      message: 'relay.test asks agents who they are: there is nothing',
      passes: false,
    });
    for (const passes of [true, false]) {
      found = { kind: 'found', makers: [maker('a', { kind: 'unmade', message: 'no answer', passes })] };
      expect(await dial()).toEqual({
        kind: 'unproved',
        message: 'relay.test asks agents who they are: no answer',
        passes,
      });
    }
  });

  test('sends no proof where others could read it', async () => {
    for (const [url, proxy] of [
      ['ws://relay.test/agent/job', undefined],
      ['ws://127.0.0.1:8080/agent/job', new URL('http://proxy.test:3128')],
    ] as const) {
      shown = [];
      answers = [ASKED, OPEN];
      const outcome = await dial(url, '', proxy);
      expect(outcome).toMatchObject({ kind: 'unproved', passes: false });
      expect(shown).toEqual([{}]);
    }
    expect(finds).toBe(0);
  });

  test('that is given up while a proof is made shows none', async () => {
    const controller = new AbortController();
    const [made] = [maker('a')];
    found = {
      kind: 'found',
      makers: [
        {
          ...made,
          make(facts, signal) {
            controller.abort();
            return made.make(facts, signal);
          },
        },
      ],
    };
    expect(await dial(undefined, '', undefined, controller.signal)).toMatchObject({ code: 'ABORTED' });
    expect(shown).toEqual([{}]);
  });
});

test('only TLS and this machine are private ways', () => {
  const isPrivate = (url: string, proxy?: URL): boolean => isPrivateWay(new URL(url), proxy);
  const proxy = new URL('http://proxy.test');
  expect(isPrivate('wss://relay.test', proxy)).toBe(true);
  for (const host of ['localhost', '127.0.0.1', '127.1', '127.9.9.9', '[::1]', '[0:0::1]', 'LOCALHOST:80']) {
    expect([host, isPrivate(`ws://${host}`), isPrivate(`ws://${host}`, proxy)]).toEqual([host, true, false]);
  }
  for (const host of [
    'relay.test',
    'localhost.test',
    'xlocalhost',
    '127.0.0.1.test',
    '128.0.0.1',
    '[::2]',
    '10.0.0.1',
  ]) {
    expect([host, isPrivate(`ws://${host}`)]).toEqual([host, false]);
  }
});

describe('a token', () => {
  const found = (text: string): FoundMakers => tokenMakerFrom(text, 'the token in TOKEN');

  test('is shown without the white space around it, as long as the header may be', async () => {
    for (const text of ['secret', ' secret\n', 'x'.repeat(MAX_SHOWN_TOKEN_CHARACTERS)]) {
      const makers = found(text);
      if (makers.kind !== 'found') throw new Error(makers.message);
      const made = await makers.makers[0]?.make(
        { audience: '', role: 'agent', id: '', claimHash: '', challenge: '' },
        new AbortController().signal,
      );
      expect(made).toEqual({ kind: 'made', identity: { kind: 'token', token: text.trim() } });
    }
    const longest = { kind: 'token', token: 'x'.repeat(MAX_SHOWN_TOKEN_CHARACTERS) } as const;
    expect(formatIdentity(longest)).toHaveLength(MAX_IDENTITY_CHARACTERS);
  });

  test('that no header can carry is none', () => {
    for (const [text, why] of [
      ['', 'is empty'],
      [' \n', 'is empty'],
      ['a b', 'has characters that no token has: spaces, line ends or others'],
      ['a\r\nb: c', 'has characters that no token has: spaces, line ends or others'],
      ['schlüssel', 'has characters that no token has: spaces, line ends or others'],
      ['x'.repeat(MAX_SHOWN_TOKEN_CHARACTERS + 1), `is longer than ${MAX_SHOWN_TOKEN_CHARACTERS} characters`],
    ])
      expect(found(text ?? '')).toEqual({ kind: 'none', message: `the token in TOKEN ${why}` });
  });
});
