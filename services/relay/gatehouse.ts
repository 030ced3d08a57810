// The gatehouse: the gate with what it needs, and what the rules of the policy limit.
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { AgentPlaces } from './gate/agent-places.ts';
import { Allowances } from './gate/allowances.ts';
import { Gate, type GateRecorder } from './gate/gate.ts';
import type { IdentityCheck, PolicyJudge, ProofBudget } from './gate/needs.ts';
import { keepPlaces } from './gate/place-keeper.ts';
import type { ClusterKey } from './hop/cluster-key.ts';
import { passesOf } from './hop/pass.ts';
import { type EntryTerms, OPEN_TERMS } from './http/usage/entry-terms.ts';
import type { Policy, PolicySource } from './policy/policy.ts';
import type { BlockList } from './registry/blocks.ts';
import type { Tally } from './registry/tally.ts';

export interface GatehouseOptions {
  readonly policy: PolicySource;
  readonly identities: IdentityCheck;
  readonly judge: PolicyJudge;
  readonly blocks: Pick<BlockList, 'find'>;
  readonly budget: ProofBudget;
  /** Begins what the parts above do by themselves; the result ends it and may be called twice. */
  readonly startParts: () => Cancel;
  readonly tally: Tally;
  readonly key: ClusterKey;
  readonly clock: Clock;
  readonly recorder: GateRecorder;
}

export interface Gatehouse {
  readonly policy: PolicySource;
  readonly gate: Gate;
  readonly places: AgentPlaces;
  readonly allowances: Allowances;
  /** What the policy of this moment asks for, as the usage page says it. */
  readonly entryTerms: () => EntryTerms;
  /** Extends places, and looks at the policy file, from now on. The result may be called twice. */
  start(): Cancel;
}

/** Opens nothing. */
export function createGatehouse(options: GatehouseOptions): Gatehouse {
  const { clock, key, policy, tally } = options;
  const places = new AgentPlaces(tally);
  const allowances = new Allowances({ policy, tally, clock });
  const gate = new Gate({ ...options, passes: passesOf(key), places });
  return {
    policy,
    gate,
    places,
    allowances,
    entryTerms: () => termsOf(policy.current, options.judge),
    start() {
      const held = () => [...places.held, ...allowances.places];
      const stops = [options.startParts(), keepPlaces({ tally, clock, held })];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

function termsOf(policy: Policy | undefined, judge: PolicyJudge): EntryTerms {
  if (policy === undefined) return OPEN_TERMS;
  const { agents, clients } = policy;
  return {
    agents: agents && judge.kindsAsked(agents),
    clients: clients && judge.kindsAsked(clients),
    knowsNetworks: clients?.some(({ proof }) => proof.kind === 'network') === true,
  };
}
