// The gate: who is let in by a pass, by a proof, by neither, and what is looked at before what.
import { beforeEach, describe, expect, test } from 'vitest';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import type { RevocationList } from '#shared/ssh/revocation-list.ts';
import { AgentPlaces } from '../../../../services/relay/gate/agent-places.ts';
import {
  CLIENT_PASS_LIFE_MS,
  type Entry,
  Gate,
  type GateVerdict,
  RETURNING_FACTOR,
} from '../../../../services/relay/gate/gate.ts';
import type { Asking } from '../../../../services/relay/gate/needs.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { passesOf } from '../../../../services/relay/hop/pass.ts';
import type { Identity, IdentityVerdict } from '../../../../services/relay/identity/identity.ts';
import type { AgentRule, ClientRule, Policy, RuleLimits } from '../../../../services/relay/policy/policy.ts';
import { MemoryTally } from '../../../../services/relay/registry/tally.ts';
import type { Admittance } from '../../../../services/relay/session/needs.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const NO_LIMITS: RuleLimits = {
  agents: undefined,
  lifetimeMs: undefined,
  sessions: undefined,
  bytesPerSecond: undefined,
  totalBytes: undefined,
};
const AGENT: Asking = { role: 'agent', id: 'job', claimHash: 'claim-a', address: '192.0.2.1' };
const CLIENT: Asking = { role: 'client', id: 'job', claimHash: '', address: '192.0.2.1' };
const TOKEN = formatIdentity({ kind: 'token', token: 'good' });
const NOTHING = { identity: undefined, pass: undefined };

function agentRule(name: string, limits: Partial<RuleLimits> = {}): AgentRule {
  const proof = { kind: 'token', tokens: [] } as const;
  return {
    name,
    networks: undefined,
    proof,
    ids: [],
    limits: { ...NO_LIMITS, ...limits },
    access: undefined,
  };
}

function clientRule(name: string, kind: 'network' | 'token'): ClientRule {
  const proof = kind === 'network' ? ({ kind } as const) : ({ kind, tokens: [] } as const);
  return { name, networks: undefined, proof, ids: undefined };
}

/** A gate whose identity check and judge say what the test tells them. */
class Bench {
  readonly clock = new ManualClock(1_000_000_000);
  readonly checked: string[] = [];
  /** Addresses of proofs that were taken and not forgiven. */
  readonly failed: string[] = [];
  readonly admitted: string[] = [];
  readonly blocked = new Set<string>();
  waitMs = 0;
  verdict: IdentityVerdict = { kind: 'verified', identity: { kind: 'token', sha256: 'x' } };
  /** The name of the rule that admits somebody with that identity. */
  admits: string | undefined = 'rule';
  /** What it says besides. */
  admittance: Partial<Admittance> = {};
  policy: { current: Policy | undefined } = { current: undefined };
  readonly places = new AgentPlaces(new MemoryTally(this.clock));
  readonly gate: Gate;

  constructor(key = 'a secret of at least thirty-two letters') {
    const judge =
      <Rule extends AgentRule | ClientRule>(rulesOf: (policy: Policy) => readonly Rule[] | undefined) =>
      (policy: Policy, { kind }: { kind: string }) => {
        const rule = rulesOf(policy)?.find(
          ({ name, proof }) => name === this.admits && proof.kind === proofFor(kind),
        );
        return rule === undefined
          ? ({ kind: 'refused', code: 'not_admitted', message: 'no rule' } as const)
          : ({
              kind: 'admitted',
              rule,
              admittance: { ...admittanceBy(rule.name), ...this.admittance },
            } as const);
      };
    this.gate = new Gate({
      policy: this.policy,
      identities: {
        challenge: () => 'a-challenge',
        check: (presented) => {
          this.checked.push(presented.kind);
          return Promise.resolve(this.verdict);
        },
      },
      judge: {
        agent: judge(({ agents }) => agents),
        client: judge(({ clients }) => clients),
        kindsAsked: (rules) =>
          rules.flatMap(({ proof }) => (proof.kind === 'token' ? ['token' as const] : [])),
      },
      blocks: {
        find: ({ address, rule }) =>
          this.blocked.has(address) || this.blocked.has(rule ?? '')
            ? {
                target: rule === undefined ? address : `rule:${rule}`,
                since: 0,
                until: 1_000_060_000,
                by: 'ops',
                why: '',
              }
            : undefined,
      },
      passes: passesOf(new ClusterKey([key])),
      places: this.places,
      budget: {
        takeProof: ({ address }) => {
          if (this.waitMs === 0) this.failed.push(address);
          return this.waitMs;
        },
        forgiveProof: ({ address }) => {
          this.failed.splice(this.failed.indexOf(address), 1);
        },
      },
      clock: this.clock,
      recorder: {
        admitted: (role, rule, by) => this.admitted.push(`${role} ${rule} ${by}`),
      },
    });
  }

  agents(...rules: AgentRule[]): void {
    this.policy.current = {
      audience: 'https://relay.test',
      agents: rules,
      clients: undefined,
      sso: undefined,
    };
  }

  clients(...rules: ClientRule[]): void {
    this.policy.current = {
      audience: 'https://relay.test',
      agents: undefined,
      clients: rules,
      sso: undefined,
    };
  }
}

const proofFor = (identity: string) => (identity === 'none' ? 'network' : identity);
const admittanceBy = (rule: string) => ({ rule, kind: 'token', subject: 'somebody', facts: {} }) as const;

function entryOf(verdict: GateVerdict): Entry {
  if (verdict.kind !== 'admitted') throw new Error(`not let in: ${JSON.stringify(verdict)}`);
  return verdict.entry;
}

function passOf(verdict: GateVerdict): string {
  return entryOf(verdict).pass;
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

describe('without a policy', () => {
  test('everybody is let in, and nothing is looked at', async () => {
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass: 'anything' })).toEqual({ kind: 'open' });
    expect(bench.checked).toEqual([]);
  });

  test('an address that is blocked is not', async () => {
    bench.blocked.add(AGENT.address);
    expect(await bench.gate.letIn(AGENT, NOTHING)).toMatchObject({
      kind: 'refused',
      code: 'blocked',
      message: expect.stringContaining('has blocked this address until ') as unknown,
    });
  });

  test('a policy that names agents alone leaves the clients be, and the other way round', async () => {
    bench.agents();
    expect(await bench.gate.letIn(CLIENT, NOTHING)).toEqual({ kind: 'open' });
    bench.clients();
    expect(await bench.gate.letIn(AGENT, NOTHING)).toEqual({ kind: 'open' });
  });
});

describe('a proof', () => {
  test('that is missing is asked for, with a challenge', async () => {
    bench.agents(agentRule('rule'));
    expect(await bench.gate.letIn(AGENT, NOTHING)).toMatchObject({
      code: 'identity_required',
      demand: { kinds: ['token'], challenge: 'a-challenge' },
    });
    expect(bench.failed).toEqual([]);
  });

  test('is not asked for where no proof would help: no rule is there', async () => {
    bench.agents();
    const verdict = await bench.gate.letIn(AGENT, NOTHING);
    expect(verdict).toMatchObject({ code: 'not_admitted' });
    expect(verdict).not.toHaveProperty('demand');
  });

  test('is not asked for where the address is enough', async () => {
    bench.clients(clientRule('robots', 'token'), clientRule('rule', 'network'));
    expect(await bench.gate.letIn(CLIENT, NOTHING)).toMatchObject({
      kind: 'admitted',
      entry: { isFirst: true },
    });
    bench.admits = 'robots';
    expect(await bench.gate.letIn(CLIENT, NOTHING)).toMatchObject({ code: 'identity_required' });
  });

  test('that cannot be read is not checked', async () => {
    bench.agents(agentRule('rule'));
    expect(await bench.gate.letIn(AGENT, { identity: 'token a b', pass: undefined })).toMatchObject({
      code: 'identity_malformed',
    });
    expect(bench.checked).toEqual([]);
  });

  test('is judged by the policy of now, where that has changed while the issuer was asked', async () => {
    bench.agents(agentRule('rule'));
    const asked = bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined });
    bench.agents(agentRule('another'));
    expect(await asked).toMatchObject({ code: 'not_admitted' });
    expect(bench.admitted).toEqual([]);
    bench.agents(agentRule('rule'));
    const next = bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined });
    bench.agents({ ...agentRule('rule'), networks: ['192.0.2.0/24'] });
    const shown = { identity: undefined, pass: passOf(await next) };
    expect(await bench.gate.letIn(AGENT, shown)).toMatchObject({ kind: 'admitted' });
  });

  test('that is good and admitted lets in, once as the first time', async () => {
    bench.agents(agentRule('rule'));
    const verdict = await bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined });
    expect(verdict).toMatchObject({
      kind: 'admitted',
      entry: {
        admittance: { rule: 'rule' },
        standing: { rule: 'rule', since: 1_000_000_000 },
        isFirst: true,
      },
    });
    expect(bench.admitted).toEqual(['agent rule proof']);
    expect(bench.failed).toEqual([]);
  });

  test.each([
    ['wrong', { kind: 'refused', code: 'token_expired', message: 'it has expired' } as const],
    [
      'admitted by no rule',
      { kind: 'verified', identity: { kind: 'key', blob: Buffer.of(1), fingerprint: 'f' } } as const,
    ],
  ])('that is %s is refused in its own words and counted against its address', async (_, verdict) => {
    bench.agents(agentRule('rule'));
    bench.verdict = verdict;
    const code = verdict.kind === 'refused' ? verdict.code : 'not_admitted';
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined })).toMatchObject({ code });
    expect(bench.failed).toEqual([AGENT.address]);
  });

  test('whose issuer cannot be asked is not counted: it is not the fault of whoever shows it', async () => {
    bench.agents(agentRule('rule'));
    bench.verdict = { kind: 'refused', code: 'issuer_unavailable', message: 'away' };
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined })).toMatchObject({
      code: 'issuer_unavailable',
    });
    expect(bench.failed).toEqual([]);
  });

  test('is not looked at where too many of its address were wrong', async () => {
    bench.agents(agentRule('rule'));
    bench.waitMs = 1_500;
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined })).toMatchObject({
      code: 'rate_limited',
      retrySeconds: 2,
    });
    expect(bench.checked).toEqual([]);
  });

  test('over a challenge that is too old gets a new one', async () => {
    bench.agents(agentRule('rule'));
    bench.verdict = { kind: 'refused', code: 'challenge_stale', message: 'too old' };
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass: undefined })).toMatchObject({
      code: 'challenge_stale',
      demand: { challenge: 'a-challenge' },
    });
  });
});

describe('a pass', () => {
  async function passFor(asking: Asking): Promise<string> {
    return passOf(await bench.gate.letIn(asking, { identity: TOKEN, pass: undefined }));
  }

  test('lets in again without a proof, since when it was first, also with a token that has expired', async () => {
    bench.agents(agentRule('rule'));
    const pass = await passFor(AGENT);
    bench.checked.length = 0;
    bench.verdict = { kind: 'refused', code: 'token_expired', message: 'it has expired' };
    bench.clock.advance(5 * 3_600_000);
    const again = await bench.gate.letIn(AGENT, { identity: TOKEN, pass });
    expect(again).toMatchObject({
      kind: 'admitted',
      entry: { isFirst: false, standing: { since: 1_000_000_000 }, admittance: { subject: 'somebody' } },
    });
    expect(bench.checked).toEqual([]);
    expect(passOf(again)).toBe(pass);
    expect(bench.admitted.at(-1)).toBe('agent rule pass');
  });

  test.each([
    ['another claim', { ...AGENT, claimHash: 'claim-b' }],
    ['another ID', { ...AGENT, id: 'another' }],
    ['a client', CLIENT],
  ])('of somebody else is nothing: %s', async (_, asking) => {
    bench.agents(agentRule('rule'));
    const pass = await passFor(AGENT);
    bench.policy.current = {
      audience: '',
      agents: [agentRule('rule')],
      clients: [clientRule('rule', 'token')],
      sso: undefined,
    };
    expect(await bench.gate.letIn(asking, { identity: undefined, pass })).toMatchObject({
      code: 'identity_required',
    });
  });

  test('of another cluster, or one that somebody has altered, is nothing', async () => {
    bench.agents(agentRule('rule'));
    const pass = await passFor(AGENT);
    const stranger = new Bench('another secret of thirty-two letters!');
    stranger.agents(agentRule('rule'));
    const shown = { identity: undefined, pass };
    expect(await stranger.gate.letIn(AGENT, shown)).toMatchObject({ code: 'identity_required' });
    const [body = '', signature = ''] = pass.split('.');
    const facts = Buffer.from(body, 'base64url').toString().replace('1000000000', '9000000000');
    const forged = `${Buffer.from(facts).toString('base64url')}.${signature}`;
    for (const text of [forged, '', `${pass}x`, 'a.b', body])
      expect(await bench.gate.letIn(AGENT, { identity: undefined, pass: text })).toMatchObject({
        code: 'identity_required',
      });
  });

  test('of a rule that is gone needs a proof, and another rule may admit that', async () => {
    bench.agents(agentRule('rule'));
    const pass = await passFor(AGENT);
    bench.agents(agentRule('another'));
    expect(await bench.gate.letIn(AGENT, { identity: undefined, pass })).toMatchObject({
      code: 'identity_required',
    });
    bench.admits = 'another';
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass })).toMatchObject({
      entry: { standing: { rule: 'another', since: 1_000_000_000 } },
    });
  });

  test('of a rule that asks for something else by now needs a proof; other limits ask nobody again', async () => {
    bench.agents(agentRule('rule'));
    const pass = await passFor(AGENT);
    const shown = { identity: undefined, pass };
    const token = { name: 'a', sha256: 'f', expiresAt: 0 };
    bench.agents({ ...agentRule('rule'), proof: { kind: 'token', tokens: [token] } });
    expect(await bench.gate.letIn(AGENT, shown)).toMatchObject({ code: 'identity_required' });
    bench.agents({ ...agentRule('rule'), networks: ['10.0.0.0/8'] });
    expect(await bench.gate.letIn(AGENT, shown)).toMatchObject({ code: 'identity_required' });
    bench.agents(agentRule('rule', { sessions: 3 }));
    expect(await bench.gate.letIn(AGENT, shown)).toMatchObject({ kind: 'admitted' });
  });

  test('is nothing at another address than its rule says, and again something at one of those', async () => {
    bench.clients({ ...clientRule('rule', 'network'), networks: ['192.0.2.0/24'] });
    const verdict = await bench.gate.letIn(CLIENT, NOTHING);
    const shown = { identity: undefined, pass: passOf(verdict) };
    bench.admits = undefined;
    const elsewhere = { ...CLIENT, address: '198.51.100.1' };
    expect(await bench.gate.letIn(elsewhere, shown)).toMatchObject({ code: 'not_admitted' });
    expect(await bench.gate.letIn({ ...CLIENT, address: '192.0.2.9' }, shown)).toMatchObject({
      kind: 'admitted',
    });
  });

  test('by a certificate is nothing where that is not good', async () => {
    bench.clients(clientRule('rule', 'token'));
    bench.admittance = { kind: 'certificate', facts: { sourceAddress: '192.0.2.0/25,2001:db8::/32' } };
    const shown = { identity: undefined, pass: await passFor(CLIENT) };
    for (const [address, kind] of [
      ['192.0.2.127', 'admitted'],
      ['2001:db8::1', 'admitted'],
      ['192.0.2.128', 'refused'],
    ])
      expect(await bench.gate.letIn({ ...CLIENT, address: String(address) }, shown)).toMatchObject({ kind });
  });

  test('of a sign-on is nothing once people sign on elsewhere', async () => {
    const sso = {
      issuer: 'https://login.test',
      clientId: 'converge',
      clientSecretFile: undefined,
      scopes: [],
      sessionMs: 1,
    };
    const rule: ClientRule = {
      ...clientRule('rule', 'token'),
      proof: { kind: 'sso', match: [{ claim: 'groups', values: ['staff'], isGlob: false }] },
    };
    bench.verdict = { kind: 'verified', identity: { kind: 'sso', issuer: sso.issuer, claims: {} } };
    const policy = (settings: Policy['sso']) => ({
      audience: '',
      agents: undefined,
      clients: [rule],
      sso: settings,
    });
    bench.policy.current = policy(sso);
    const shown = { identity: undefined, pass: await passFor(CLIENT) };
    for (const other of [
      { ...sso, issuer: 'https://other.test' },
      { ...sso, clientId: 'other' },
    ]) {
      bench.policy.current = policy(other);
      expect(await bench.gate.letIn(CLIENT, shown)).toMatchObject({ kind: 'refused' });
    }
    bench.policy.current = policy({ ...sso, scopes: ['email'], sessionMs: 2 });
    expect(await bench.gate.letIn(CLIENT, shown)).toMatchObject({ kind: 'admitted' });
  });

  test('by a certificate is nothing once any rule revokes more', async () => {
    const list = { revocationOf: () => undefined } as unknown as RevocationList;
    const rule = (name: string, sha256: string): ClientRule => ({
      ...clientRule(name, 'token'),
      proof: { kind: 'certificate', authorities: [], principals: undefined, revoked: { list, sha256 } },
    });
    bench.verdict = { kind: 'verified', identity: { kind: 'certificate' } as Identity };
    bench.clients(rule('rule', 'one'), rule('other', 'two'));
    const shown = { identity: undefined, pass: await passFor(CLIENT) };
    bench.clients(rule('rule', 'one'), rule('other', 'two'));
    expect(await bench.gate.letIn(CLIENT, shown)).toMatchObject({ kind: 'admitted' });
    bench.clients(rule('rule', 'one'), rule('other', 'three'));
    expect(await bench.gate.letIn(CLIENT, shown)).toMatchObject({ kind: 'refused' });
  });

  test('of a rule that is blocked is refused, and counts again later', async () => {
    bench.agents(agentRule('rule'));
    const pass = await passFor(AGENT);
    bench.blocked.add('rule');
    expect(await bench.gate.letIn(AGENT, { identity: TOKEN, pass })).toMatchObject({
      code: 'blocked',
      message: expect.stringContaining('has blocked the rule rule until ') as unknown,
    });
    bench.blocked.clear();
    expect(await bench.gate.letIn(AGENT, { identity: undefined, pass })).toMatchObject({ kind: 'admitted' });
  });

  test('of a client is good for a day, of one who signed on for a session, and that of an agent for as long as its rule says', async () => {
    bench.clients(clientRule('rule', 'token'));
    const pass = await passFor(CLIENT);
    bench.clock.advance(CLIENT_PASS_LIFE_MS - 1);
    expect(await bench.gate.letIn(CLIENT, { identity: undefined, pass })).toMatchObject({ kind: 'admitted' });
    bench.clock.advance(1);
    expect(await bench.gate.letIn(CLIENT, { identity: undefined, pass })).toMatchObject({
      code: 'identity_required',
    });
    bench.admittance = { kind: 'sso' };
    const sso = { issuer: '', clientId: '', clientSecretFile: undefined, scopes: [], sessionMs: 3_600_000 };
    bench.policy.current = { ...(bench.policy.current as Policy), sso };
    const ofSession = await passFor(CLIENT);
    bench.clock.advance(3_600_000 - 1);
    const shown = { identity: undefined, pass: ofSession };
    expect(await bench.gate.letIn(CLIENT, shown)).toMatchObject({
      kind: 'admitted',
      entry: { pass: ofSession },
    });
    bench.clock.advance(1);
    expect(await bench.gate.letIn(CLIENT, shown)).toMatchObject({ code: 'identity_required' });
    bench.agents(agentRule('rule', { lifetimeMs: 3_600_000 }));
    const agentPass = await passFor(AGENT);
    bench.clock.advance(3_600_000 - 1);
    expect(await bench.gate.letIn(AGENT, { identity: undefined, pass: agentPass })).toMatchObject({
      kind: 'admitted',
    });
    bench.clock.advance(1);
    expect(await bench.gate.letIn(AGENT, { identity: undefined, pass: agentPass })).toMatchObject({
      code: 'lifetime_over',
    });
  });
});

describe('whoever was let in and has waited since', () => {
  test('comes in, if nothing has changed', async () => {
    expect(bench.gate.refuseLater(CLIENT, undefined)).toBeUndefined();
    bench.clients({ ...clientRule('rule', 'network'), networks: ['192.0.2.0/24'] });
    const entry = entryOf(await bench.gate.letIn(CLIENT, NOTHING));
    expect(bench.gate.refuseLater(CLIENT, entry)).toBeUndefined();
    expect(bench.admitted).toHaveLength(1);
  });

  test('does not, if an operator has blocked the address or the rule meanwhile', async () => {
    bench.blocked.add(CLIENT.address);
    expect(bench.gate.refuseLater(CLIENT, undefined)).toMatchObject({ code: 'blocked' });
    bench.blocked.clear();
    bench.clients(clientRule('rule', 'token'));
    const entry = entryOf(await bench.gate.letIn(CLIENT, { identity: TOKEN, pass: undefined }));
    for (const target of [CLIENT.address, 'rule']) {
      bench.blocked.add(target);
      expect(bench.gate.refuseLater(CLIENT, entry)).toMatchObject({ code: 'blocked' });
      bench.blocked.clear();
    }
  });

  test('does not, if the policy asks for something else by now', async () => {
    bench.clients(clientRule('rule', 'token'));
    const entry = entryOf(await bench.gate.letIn(CLIENT, { identity: TOKEN, pass: undefined }));
    expect(bench.gate.refuseLater(CLIENT, undefined)).toMatchObject({
      code: 'identity_required',
      demand: { kinds: ['token'] },
    });
    bench.clients(clientRule('another', 'token'));
    expect(bench.gate.refuseLater(CLIENT, entry)).toMatchObject({ code: 'identity_required' });
    bench.clients();
    expect(bench.gate.refuseLater(CLIENT, entry)).toMatchObject({ code: 'not_admitted' });
  });
});

describe('places of a rule', () => {
  const another = { ...AGENT, id: 'another', claimHash: 'claim-b' };
  const proof = { identity: TOKEN, pass: undefined };

  test('are as many as the limit says, and free again when their agent has left', async () => {
    bench.agents(agentRule('rule', { agents: 1 }));
    await bench.gate.letIn(AGENT, proof);
    expect(await bench.gate.letIn(another, proof)).toMatchObject({ code: 'rule_full' });
    expect(bench.admitted).toEqual(['agent rule proof']);
    bench.places.leave(AGENT);
    bench.places.leave(AGENT);
    expect(await bench.gate.letIn(another, proof)).toMatchObject({ kind: 'admitted' });
  });

  test('are given to whoever was in before, also where there is none', async () => {
    bench.agents(agentRule('rule', { agents: 1 }));
    const pass = passOf(await bench.gate.letIn(AGENT, proof));
    bench.places.leave(AGENT);
    await bench.gate.letIn(another, proof);
    expect(await bench.gate.letIn(AGENT, { identity: undefined, pass })).toMatchObject({ kind: 'admitted' });
  });

  test('are one for each ID: who claims many with one secret has as many', async () => {
    bench.agents(agentRule('rule', { agents: 1 }));
    await bench.gate.letIn(AGENT, proof);
    expect(await bench.gate.letIn({ ...AGENT, id: 'another' }, proof)).toMatchObject({ code: 'rule_full' });
  });

  test('are not without end for passes that were collected one by one', async () => {
    bench.agents(agentRule('rule', { agents: 2 }));
    const passes: [Asking, string][] = [];
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      const asking = { ...AGENT, id };
      passes.push([asking, passOf(await bench.gate.letIn(asking, proof))]);
      bench.places.leave(asking);
    }
    const verdicts: string[] = [];
    for (const [asking, pass] of passes) {
      const verdict = await bench.gate.letIn(asking, { identity: undefined, pass });
      verdicts.push(verdict.kind === 'refused' ? verdict.code : verdict.kind);
    }
    expect(verdicts).toEqual([...Array<string>(2 * RETURNING_FACTOR).fill('admitted'), 'rule_full']);
  });

  test('are taken again by an agent that is linked, where another dial of it has given back its place', async () => {
    bench.agents(agentRule('rule', { agents: 1 }));
    await bench.gate.letIn(AGENT, proof);
    await bench.gate.letIn(AGENT, proof);
    bench.places.leave(AGENT);
    bench.places.keep('rule', AGENT);
    bench.places.keep('rule', AGENT);
    expect([...bench.places.held]).toHaveLength(1);
    expect(await bench.gate.letIn(another, proof)).toMatchObject({ code: 'rule_full' });
    bench.places.leave(AGENT);
    expect(await bench.gate.letIn(another, proof)).toMatchObject({ kind: 'admitted' });
  });

  test('that another pod may have taken over are not extended from here, and not given up', async () => {
    bench.agents(agentRule('rule', { agents: 1 }));
    await bench.gate.letIn(AGENT, proof);
    expect([...bench.places.held]).toHaveLength(1);
    bench.places.forget(AGENT);
    expect([...bench.places.held]).toEqual([]);
    expect(await bench.gate.letIn(another, proof)).toMatchObject({ code: 'rule_full' });
  });
});
