// The gate: whether an agent or a client may come in, by the policy, by what it shows, and by whom an operator has blocked.
//
// The order is that of the cost: blocks, then a pass (one HMAC), then a proof (a signature, or a call to its issuer).
import type { IdentityDemand } from '#shared/protocol/identity.ts';
import { parseIdentity } from '#shared/protocol/presented-identity.ts';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Passes, PassFacts } from '../hop/pass.ts';
import type {
  AgentRule,
  ClientRule,
  Policy,
  PolicySource,
  RuleAccess,
  RuleLimits,
} from '../policy/policy.ts';
import { ruleDigest } from '../policy/rule-digest.ts';
import type { BlockList } from '../registry/blocks.ts';
import type { Admittance, Standing } from '../session/needs.ts';
import type { AgentPlaces } from './agent-places.ts';
import { lifetimeOver } from './lifetime-over.ts';
import type { Asking, IdentityCheck, Judgement, PolicyJudge, ProofBudget } from './needs.ts';
import { mayComeFrom } from './rule-verdict.ts';

/** How long a client may come back with its pass, in milliseconds: a session that is longer needs a proof at its next loss. */
export const CLIENT_PASS_LIFE_MS = 24 * 3_600_000;

/**
 * Whoever was in before comes back, also where others have its place by now: so many times the limit may be linked then, since
 * no more than the limit were in before. Without an end to it, passes could be collected one by one and shown at once.
 */
export const RETURNING_FACTOR = 2;

/** What somebody shows. */
export interface Shown {
  /** The header `converge-identity`. */
  readonly identity: string | undefined;
  /** The header `converge-pass`. */
  readonly pass: string | undefined;
}

/** What counts of a rule for somebody who is in by it. */
export interface Entry {
  readonly admittance: Admittance;
  readonly standing: Standing;
  /** To be shown with the next dial. */
  readonly pass: string;
  /** What that says. */
  readonly facts: PassFacts;
  /** True if it came with a proof, false if with a pass. */
  readonly isFirst: boolean;
  /** Of an agent. */
  readonly limits: RuleLimits | undefined;
  /** Who may enter the agent, if it asks. */
  readonly access?: RuleAccess | undefined;
}

export interface GateRefusal {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  readonly message: string;
  /** What would do, if there was no proof. */
  readonly demand?: IdentityDemand;
  /** When to come back, in seconds. */
  readonly retrySeconds?: number;
}

export type GateVerdict =
  /** The policy asks nobody. */
  { readonly kind: 'open' } | { readonly kind: 'admitted'; readonly entry: Entry } | GateRefusal;

/** Counts who came how. */
export interface GateRecorder {
  /** Let in: by which rule, with a pass or a proof. Rules are as many as the policy has. */
  admitted(role: Asking['role'], rule: string, by: 'pass' | 'proof'): void;
}

export interface GateOptions {
  readonly policy: PolicySource;
  readonly identities: IdentityCheck;
  readonly judge: PolicyJudge;
  readonly blocks: Pick<BlockList, 'find'>;
  readonly passes: Passes;
  readonly places: Pick<AgentPlaces, 'take'>;
  readonly budget: ProofBudget;
  readonly clock: Clock;
  readonly recorder: GateRecorder;
}

export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Counts who comes in, and gives an agent its place. Never rejects. */
  async letIn(asking: Asking, shown: Shown): Promise<GateVerdict> {
    const verdict = await this.wouldLetIn(asking, shown);
    if (verdict.kind !== 'admitted') return verdict;
    const { role } = asking;
    const { entry } = verdict;
    const full = role === 'agent' ? await this.#place(asking, entry) : undefined;
    if (full !== undefined) return full;
    this.#options.recorder.admitted(role, entry.admittance.rule, entry.isFirst ? 'proof' : 'pass');
    return verdict;
  }

  /** What `letIn` would say, for somebody who only asks: nobody comes in, is counted or takes a place. Never rejects. */
  async wouldLetIn(asking: Asking, shown: Shown): Promise<GateVerdict> {
    const { policy } = this.#options;
    const { address, role } = asking;
    const blocked = this.#blocked({ address });
    if (blocked !== undefined) return blocked;
    const { current } = policy;
    const rules = role === 'agent' ? current?.agents : current?.clients;
    if (current === undefined || rules === undefined) return { kind: 'open' };
    const known = shown.pass === undefined ? undefined : this.#byPass(asking, current, rules, shown.pass);
    const verdict = known ?? (await this.#byProof(asking, current, rules, shown.identity));
    if (verdict.kind !== 'admitted') return verdict;
    // Its issuer may have taken seconds to answer: what counts is the policy of now.
    return policy.current === current ? verdict : this.wouldLetIn(asking, shown);
  }

  /**
   * Asks again about somebody who was let in (`entry`; undefined by an open relay) and has waited since: a block, or another
   * policy, counts for that one too. Undefined: may come in. Places are not asked for again.
   */
  refuseLater(asking: Asking, entry: Pick<Entry, 'facts' | 'pass'> | undefined): GateRefusal | undefined {
    const { current } = this.#options.policy;
    const rules = asking.role === 'agent' ? current?.agents : current?.clients;
    if (current === undefined || rules === undefined) return this.#blocked({ address: asking.address });
    const verdict = entry && this.#byFacts(asking, current, rules, entry.facts, entry.pass);
    if (verdict?.kind === 'refused') return verdict;
    return verdict === undefined ? this.#asked(asking, rules) : undefined;
  }

  /** Undefined: the pass is of no use, and a proof is needed. */
  #byPass(
    asking: Asking,
    policy: Policy,
    rules: readonly (AgentRule | ClientRule)[],
    text: string,
  ): Extract<GateVerdict, { kind: 'admitted' | 'refused' }> | undefined {
    const facts = this.#options.passes.read(asking, text);
    return facts && this.#byFacts(asking, policy, rules, facts, text);
  }

  /** The same, of a pass that has been read. */
  #byFacts(
    asking: Asking,
    policy: Policy,
    rules: readonly (AgentRule | ClientRule)[],
    facts: PassFacts,
    pass: string,
  ): Extract<GateVerdict, { kind: 'admitted' | 'refused' }> | undefined {
    const { admittance, digest, since } = facts;
    const rule = rules.find(({ name }) => name === admittance.rule);
    // A rule that has changed in what it asks is another rule.
    if (rule === undefined || digest !== ruleDigest(rule, policy)) return undefined;
    // It is shown by whoever has it, and a rule that says from where means every time.
    if (!mayComeFrom(rule, admittance, asking.address)) return undefined;
    const isOver = since + clientPassLifeMs(admittance, policy) <= this.#options.clock.wallTime();
    if (asking.role === 'client' && isOver) return undefined;
    return this.#enter(asking, rule, facts, pass);
  }

  async #byProof(
    asking: Asking,
    policy: Policy,
    rules: readonly (AgentRule | ClientRule)[],
    header: string | undefined,
  ): Promise<Extract<GateVerdict, { kind: 'admitted' | 'refused' }>> {
    const { budget, clock, identities } = this.#options;
    if (header === undefined) return this.#withoutProof(asking, policy, rules);
    const presented = parseIdentity(header);
    if (presented === undefined) {
      const message =
        'the header converge-identity is none of the kinds of proof, in the form that it must have';
      return { kind: 'refused', code: 'identity_malformed', message };
    }
    // Taken before and not after, so that not everything that comes at once is looked at.
    const asker = { address: asking.address, isToldByProxy: asking.isToldByProxy ?? false };
    const waitMs = budget.takeProof(asker);
    if (waitMs > 0) {
      const retrySeconds = Math.ceil(waitMs / 1_000);
      const message = `too many wrong proofs from this address: try again in ${retrySeconds} s`;
      return { kind: 'refused', code: 'rate_limited', message, retrySeconds };
    }
    const verified = await identities.check(presented, asking, policy);
    const judged =
      verified.kind === 'refused'
        ? verified
        : this.#judge(asking, policy, verified.identity, clock.wallTime());
    // An issuer that cannot be reached is not the asker's fault.
    if (judged.kind === 'admitted' || judged.code === 'issuer_unavailable') budget.forgiveProof(asker);
    if (judged.kind === 'refused') {
      const { code, message } = judged;
      // A key may sign again.
      const demand = code === 'challenge_stale' ? { demand: this.#demand(rules) } : {};
      return { kind: 'refused', code, message, ...demand };
    }
    const { admittance, rule } = judged;
    return this.#enter(asking, rule, firstFacts(admittance, rule, policy, clock.wallTime()));
  }

  /** Some rules of clients ask for no proof: their address is enough. */
  #withoutProof(
    asking: Asking,
    policy: Policy,
    rules: readonly (AgentRule | ClientRule)[],
  ): Extract<GateVerdict, { kind: 'admitted' | 'refused' }> {
    const now = this.#options.clock.wallTime();
    const judged = this.#judge(asking, policy, { kind: 'none' }, now);
    if (judged.kind === 'admitted')
      return this.#enter(asking, judged.rule, firstFacts(judged.admittance, judged.rule, policy, now));
    return this.#asked(asking, rules, judged.message);
  }

  /** Says what would do as a proof; `message` where nothing would. */
  #asked(
    { role }: Asking,
    rules: readonly (AgentRule | ClientRule)[],
    message = 'the policy has changed, and admits nobody',
  ): GateRefusal {
    const demand = this.#demand(rules);
    if (demand.kinds.length === 0) return { kind: 'refused', code: 'not_admitted', message };
    const kinds = demand.kinds.map((kind) => KIND_WORDS[kind]).join(', or ');
    const asks = `this relay asks ${role === 'agent' ? 'agents' : 'clients'} who they are: ${kinds}`;
    return { kind: 'refused', code: 'identity_required', message: asks, demand };
  }

  #judge(
    asking: Asking,
    policy: Policy,
    identity: Parameters<PolicyJudge['agent']>[1],
    now: number,
  ): Judgement<AgentRule | ClientRule> {
    const { judge } = this.#options;
    return asking.role === 'agent'
      ? judge.agent(policy, identity, asking, now)
      : judge.client(policy, identity, asking, now);
  }

  #enter(
    asking: Asking,
    rule: AgentRule | ClientRule,
    facts: PassFacts,
    pass?: string,
  ): Extract<GateVerdict, { kind: 'admitted' | 'refused' }> {
    const { clock, passes } = this.#options;
    const blocked = this.#blocked({ address: asking.address, rule: rule.name });
    if (blocked !== undefined) return blocked;
    const limits = 'limits' in rule ? rule.limits : undefined;
    const { admittance, since } = facts;
    if (limits?.lifetimeMs !== undefined && since + limits.lifetimeMs <= clock.wallTime())
      return lifetimeOver(rule.name, limits.lifetimeMs);
    const standing = { rule: rule.name, since };
    const access = 'access' in rule ? rule.access : undefined;
    // Whoever comes back keeps the pass: another one would say the same.
    const given = pass ?? passes.make(asking, facts);
    const isFirst = pass === undefined;
    return { kind: 'admitted', entry: { admittance, standing, facts, pass: given, isFirst, limits, access } };
  }

  async #place(
    asking: Asking,
    { limits, isFirst, standing: { rule } }: Entry,
  ): Promise<GateRefusal | undefined> {
    const limit = limits?.agents;
    if (limit === undefined) return undefined;
    const isFree = await this.#options.places.take(rule, asking, isFirst ? limit : limit * RETURNING_FACTOR);
    if (isFree) return undefined;
    const message = `the rule ${rule} lets ${limit} agents be linked at once: end one, or try again when one has ended`;
    return { kind: 'refused', code: 'rule_full', message };
  }

  #demand(rules: readonly (AgentRule | ClientRule)[]): IdentityDemand {
    const { identities, judge } = this.#options;
    return { kinds: judge.kindsAsked(rules), challenge: identities.challenge() };
  }

  #blocked(who: { readonly address: string; readonly rule?: string }): GateRefusal | undefined {
    const block = this.#options.blocks.find(who);
    if (block === undefined) return undefined;
    const isOfRule = who.rule !== undefined && block.target === `rule:${who.rule}`;
    const what = isOfRule ? `the rule ${who.rule}` : 'this address';
    const until = new Date(block.until).toISOString();
    const message = `whoever runs this relay has blocked ${what} until ${until}: ask them`;
    return { kind: 'refused', code: 'blocked', message };
  }
}

/** Whoever signed on counts no longer than a sign-on does. */
function clientPassLifeMs({ kind }: Admittance, { sso }: Policy): number {
  return kind === 'sso' && sso !== undefined
    ? Math.min(CLIENT_PASS_LIFE_MS, sso.sessionMs)
    : CLIENT_PASS_LIFE_MS;
}

function firstFacts(
  admittance: Admittance,
  rule: AgentRule | ClientRule,
  policy: Policy,
  since: number,
): PassFacts {
  return { admittance, since, digest: ruleDigest(rule, policy) };
}

const KIND_WORDS: Readonly<Record<IdentityDemand['kinds'][number], string>> = {
  oidc: 'an identity token of the CI system',
  token: 'a token in CONVERGE_TOKEN',
  key: 'an SSH key',
  certificate: 'an SSH certificate',
  sso: 'a sign-on in the browser',
};
