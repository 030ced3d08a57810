// The cost of a policy: set-ups per second on a pod that asks who comes, over those on one that is open, in turns.
//
// Compared are clients (whose network is enough; who show a token each time) and agents that come back with their pass,
// which is how they dial from the second time on. What the first link of an agent takes, by each kind of proof, is
// measured beside it and has no goal: it is paid once in the life of an agent.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLAIM_HEADER, createClaim, hashClaim } from '#shared/protocol/claim.ts';
import { IDENTITY_HEADER, PASS_HEADER } from '#shared/protocol/identity.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { formatIdentity } from '#shared/protocol/presented-identity.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { signersFromFile } from '#shared/signing/key-file.ts';
import { dialAgent, openAgent } from '../support/relay/fake-agent.ts';
import type { PartOptions } from './part.ts';
import { BenchPod, freePorts, startPod } from './pod.ts';
import { type BenchPolicy, writeBenchPolicy } from './policy-file.ts';
import { answerDials, openSession, rateOf } from './set-ups.ts';
import { openUpgraded } from './socket.ts';
import { cpuSeconds } from './usage.ts';

const QUICK_TIMES = 500;
const FULL_TIMES = 2_000;
/** So many of one, then of the next. */
const TURN = 50;
/** Agents that come back, one after the other and again. */
const RETURNING_AGENTS = 64;

type Headers = Readonly<Record<string, string>>;

interface Side {
  readonly pod: BenchPod;
  /** What clients show. */
  readonly client: Headers;
  readonly returning: readonly Returning[];
}

/** An agent that has been here: its ID, and what it shows when it comes back. */
interface Returning {
  readonly id: string;
  readonly headers: Headers;
}

export async function measurePolicy(options: PartOptions): Promise<void> {
  const { figures, isFull, rounds, say } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'converge-bench-policy-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const open = await sideOf(stack.use(await startPod('bench-open', { env: UNLIMITED })), {}, {});
  const byNetwork = await startGuarded(stack, folder, 'network');
  const byToken = await startGuarded(stack, folder, 'token');
  for (const { pod, agent } of [
    { pod: open.pod, agent: {} },
    ...[byNetwork, byToken].map(({ side, policy }) => ({ pod: side.pod, agent: policy.token })),
  ])
    stack.use(await answerDials(pod.port, agent));
  const times = isFull ? FULL_TIMES : QUICK_TIMES;
  say(`${rounds} rounds of ${times} sessions by network, by token and without, and of as many links`);
  for (let round = -1; round < rounds; round += 1) {
    // The first round warms up.
    const add = round < 0 ? () => undefined : figures.add.bind(figures);
    const sessionOf = (side: Side) => () => openSession(side.pod.port, side.client);
    const sides = [open, byNetwork.side, byToken.side] as const;
    const [plain, network, token] = await inTurns(
      sides.map((side) => ({ side, deed: sessionOf(side) })),
      times,
    );
    const linked = [open, byNetwork.side] as const;
    const [plainLinks, passLinks] = await inTurns(
      linked.map((side) => ({ side, deed: comesBack(side) })),
      times,
    );
    if (plain === undefined || network === undefined || token === undefined) return;
    if (plainLinks === undefined || passLinks === undefined) return;
    add('policy.sessions.open', '1/s', plain.rate);
    add('policy.sessions.network', '1/s', network.rate);
    add('policy.sessions.token', '1/s', token.rate);
    // The goal is for the dearer of the two.
    add('policy.sessions.ratio', 'ratio', token.rate / plain.rate);
    add('policy.sessions_by_network.ratio', 'ratio', network.rate / plain.rate);
    add('policy.sessions.cpu_ratio', 'ratio', token.cpu / plain.cpu);
    add('policy.links.open', '1/s', plainLinks.rate);
    add('policy.links.pass', '1/s', passLinks.rate);
    add('policy.links.ratio', 'ratio', passLinks.rate / plainLinks.rate);
    add('policy.links.cpu_ratio', 'ratio', passLinks.cpu / plainLinks.cpu);
  }
  // Last, since they leave agents behind, which the pods keep the IDs of for a while.
  for (let round = 0; round < rounds; round += 1)
    for (const { name, side, deed } of await firstLinks(open, byNetwork)) {
      const [first] = await inTurns([{ side, deed }], times);
      if (first !== undefined) figures.add(`policy.first_links.${name}`, '1/s', first.rate);
    }
}

/** One address does all of it here. */
const UNLIMITED = { UNLIMITED_ADDRESSES: '127.0.0.0/8' };

interface Guarded {
  readonly side: Side;
  readonly policy: BenchPolicy;
}

async function startGuarded(
  stack: AsyncDisposableStack,
  folder: string,
  byClients: 'network' | 'token',
): Promise<Guarded> {
  const ports = await freePorts();
  const policy = await writeBenchPolicy(folder, `http://127.0.0.1:${ports.port}`, byClients);
  const env = { ...UNLIMITED, POLICY_FILE: policy.file };
  const pod = stack.use(await new BenchPod(`bench-${byClients}`, ports, env).start());
  const client = byClients === 'token' ? policy.token : {};
  return { side: await sideOf(pod, policy.token, client), policy };
}

/** Opens the links of the agents that are to come back, and ends them. */
async function sideOf(pod: BenchPod, agent: Headers, client: Headers): Promise<Side> {
  const returning = Array.from({ length: RETURNING_AGENTS }, async (_, index) => {
    const id = `t-back-${index}`;
    using first = await openAgent(pod.port, id, { headers: agent });
    const [welcome] = first.messages;
    const pass = welcome?.type === 'welcome' ? welcome.pass : undefined;
    const headers = {
      [CLAIM_HEADER]: first.claim,
      ...(pass === undefined || pass === '' ? {} : { [PASS_HEADER]: pass }),
    };
    return { id, headers };
  });
  return { pod, client, returning: await Promise.all(returning) };
}

interface Lane {
  readonly side: Side;
  readonly deed: () => Promise<void>;
}

/**
 * Each deed so many times, a few of one and then a few of the next: what else the machine does meanwhile then slows all of
 * them alike. `cpu`: seconds of the pod for all of them.
 */
async function inTurns(
  lanes: readonly Lane[],
  times: number,
): Promise<readonly { readonly rate: number; readonly cpu: number }[]> {
  const spent = lanes.map(() => ({ seconds: 0, cpu: 0 }));
  for (let done = 0; done < times; done += TURN) {
    for (const [index, { side, deed }] of lanes.entries()) {
      const total = spent[index];
      if (total === undefined) continue;
      const before = await cpuSeconds([side.pod.pid]);
      total.seconds += TURN / (await rateOf(TURN, deed));
      total.cpu += (await cpuSeconds([side.pod.pid])) - before;
    }
  }
  const deeds = Math.ceil(times / TURN) * TURN;
  return spent.map(({ seconds, cpu }) => ({ rate: deeds / seconds, cpu }));
}

/** The link of one of the agents that were here, which shows its pass where it has one. */
function comesBack({ pod, returning }: Side): () => Promise<void> {
  let next = 0;
  return async () => {
    const agent = returning[next % returning.length];
    next += 1;
    if (agent !== undefined) await link(pod.port, agent.id, agent.headers);
  };
}

/** Opens a control link, waits for the welcome, and leaves. */
async function link(port: number, id: string, headers: Headers): Promise<void> {
  const path = agentPath(id);
  const { socket, head } = await openUpgraded(port, path, {
    'Sec-WebSocket-Protocol': AGENT_CONTROL,
    ...headers,
  });
  if (head.length === 0) {
    socket.resume();
    await once(socket, 'data');
  }
  socket.destroy();
  await once(socket, 'close');
}

/** First links of new agents, by each kind of proof; and without one, on the open pod. */
async function firstLinks(
  open: Side,
  { side, policy }: Guarded,
): Promise<readonly (Lane & { readonly name: string })[]> {
  const { pod } = side;
  const fresh = (port: number, prefix: string, headers: Headers): Promise<void> =>
    link(port, `${prefix}-${randomBytes(8).toString('hex')}`, { [CLAIM_HEADER]: createClaim(), ...headers });
  const found = await signersFromFile(policy.keyFile);
  const signer = found.kind === 'found' ? found.signers[0] : undefined;
  if (signer === undefined) throw new Error('no key to sign with');
  const byKey = async (): Promise<void> => {
    const id = `k-${randomBytes(8).toString('hex')}`;
    const claim = createClaim();
    const refused = await dialAgent(pod.port, id, { claim });
    const demand = refused.kind === 'refused' ? refused.refusal?.demand : undefined;
    if (demand === undefined) throw new Error(`no challenge: ${JSON.stringify(refused)}`);
    const { challenge } = demand;
    const audience = `http://127.0.0.1:${pod.port}`;
    const signed = await signer.sign({ audience, role: 'agent', id, claimHash: hashClaim(claim), challenge });
    if (signed.kind === 'unsigned') throw new Error(signed.message);
    await link(pod.port, id, { [CLAIM_HEADER]: claim, [IDENTITY_HEADER]: formatIdentity(signed.identity) });
  };
  return [
    { name: 'open', side: open, deed: () => fresh(open.pod.port, 't', {}) },
    { name: 'token', side, deed: () => fresh(pod.port, 't', policy.token) },
    { name: 'oidc', side, deed: () => fresh(pod.port, 'o', policy.oidc) },
    // Two dials: the first one gets the challenge.
    { name: 'key', side, deed: byKey },
  ];
}
