// The built relay with a policy file, on ports that it keeps: proofs are made for its address before it runs.
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMortalRelay, type MortalRelay } from '../chaos/mortal-relay.ts';
import type { World } from '../laptop/world.ts';
import { until } from '../time/poll.ts';

/** A relay looks at its file every five seconds; two busy cores. */
const READ_WITHIN_MS = 60_000;

/** What `/operator.json` says of an agent or a session. */
export interface OperatorRow {
  readonly id: string;
  readonly pod: string;
  readonly rule: string | null;
  readonly subject: string | null;
}

export interface OperatorReport {
  readonly totals: { readonly refusals: number };
  readonly agents: readonly OperatorRow[];
  readonly sessions: readonly OperatorRow[];
  readonly blocks: readonly { readonly target: string }[];
}

/** The operator's view of one pod's internal listener. */
export async function askOperator(
  { internalPort }: { readonly internalPort: number },
  view: 'agents' | 'sessions' | 'blocks' = 'agents',
): Promise<OperatorReport> {
  const answer = await fetch(`http://127.0.0.1:${internalPort}/operator.json?view=${view}`);
  return (await answer.json()) as OperatorReport;
}

export class PolicyRelay {
  readonly relay: MortalRelay;
  /** `http://127.0.0.1:PORT`: what tokens and signatures are made for. */
  readonly audience: string;
  /** `ws://127.0.0.1:PORT`, for agents and clients. */
  readonly url: string;
  readonly file: string;

  constructor(relay: MortalRelay, file: string) {
    this.relay = relay;
    this.file = file;
    this.audience = `http://127.0.0.1:${relay.port}`;
    this.url = `ws://127.0.0.1:${relay.port}`;
  }

  /** Puts another version in the place of the file, and waits until the relay has looked at it. */
  async change(policy: string): Promise<void> {
    const loads = await this.relay.metric('converge_policy_loads_total');
    await writeFile(`${this.file}.next`, policy);
    await rename(`${this.file}.next`, this.file);
    const isRead = async () => (await this.relay.metric('converge_policy_loads_total')) > loads;
    await until('the relay has read its policy again', isRead, READ_WITHIN_MS);
  }

  /** The agent `id`, as the operator sees it. */
  async agent(id: string): Promise<OperatorRow | undefined> {
    return (await askOperator(this.relay)).agents.find((agent) => agent.id === id);
  }
}

/** Starts one; `policy` gets the address under which it will be reached. */
export async function openPolicyRelay(
  world: World,
  policy: (audience: string) => string,
  env: Readonly<Record<string, string>> = {},
): Promise<PolicyRelay> {
  const file = join(await world.makeFolder('policy'), 'policy.yaml');
  const opened = new PolicyRelay(await createMortalRelay(world, { POLICY_FILE: file, ...env }), file);
  await writeFile(file, policy(opened.audience));
  await opened.relay.start();
  return opened;
}
