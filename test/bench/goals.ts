// The goals: which figure is held against what.
import type { Figure, Figures } from './figures.ts';

export interface Goal {
  /** The figure's name. */
  readonly figure: string;
  readonly what: string;
  readonly bound: 'at most' | 'at least';
  readonly value: number;
}

/** By the median; `not in every round` if the spread crosses the bound. A figure whose part did not run has none. */
export type Verdict = 'met' | 'met, not in every round' | 'missed, not in every round' | 'missed' | undefined;

/** Names of `paces` and what they are. */
const PACED = [
  ['idle.100', 'each 100 ms'],
  ['idle.300', 'each 300 ms'],
  ['download.100', 'each 100 ms beside a download'],
  ['download.300', 'each 300 ms beside a download'],
] as const;

export const GOALS: readonly Goal[] = [
  // The relay
  goal('relay.32k.over_nginx', 'relay CPU per GB, 1 session, over nginx', 'at most', 1),
  goal('relay.32k.over_javascript', 'the same over the JavaScript pump', 'at most', 0.4),
  goal('crowd50.32k.over_nginx', 'relay CPU per GB, 50 sessions, over nginx', 'at most', 1),
  goal('crowd50.32k.over_javascript', 'the same over the JavaScript pump', 'at most', 0.4),
  goal('crowd500.32k.over_nginx', 'relay CPU per GB, 500 sessions, over nginx', 'at most', 1),
  goal('crowd500.32k.over_javascript', 'the same over the JavaScript pump', 'at most', 0.4),
  goal(
    'relay.256.over_javascript',
    'frames of 256 B, a write each, over the JavaScript pump',
    'at most',
    0.5,
  ),
  goal('relay.256_packed.over_javascript', 'the same, 64 frames in each write', 'at most', 0.5),
  goal('crowd50.256.over_javascript', 'the same, a write each, 50 sessions', 'at most', 0.5),
  goal('cores.ratio', '50 sessions, two processors over one: throughput', 'at least', 1.7),
  goal('cores.capacity_ratio', 'the same, if the load did not share them', 'at least', 1.7),
  goal('sessions.native.per_session', 'memory per joined session in the relay', 'at most', 24),
  goal('hop.ratio', 'CPU of both pods over one pod', 'at most', 2),
  // The ends
  ...PACED.flatMap(([name, what]) => [
    goal(`paces.${name}.added.p50`, `key press ${what}, added over sshd, p50`, 'at most', 1),
    goal(`paces.${name}.added.p99`, 'the same, p99', 'at most', 5),
  ]),
  goal('ssh.down.cpu_ratio', 'ssh down: CPU of all processes over sshd direct', 'at most', 2.5),
  goal('ssh.up.cpu_ratio', 'ssh up, the same', 'at most', 2.5),
  goal('distance.get.ratio', 'sftp get at 60 ms round trip over sshd', 'at least', 0.95),
  goal('distance.put.ratio', 'sftp put, the same', 'at least', 0.95),
  goal('cold.wsproxy_over_node', '`wsproxy --version` over `node -e 0`', 'at most', 1.3),
  goal('cold.agent_over_node', 'agent, from start to reachable, over `node -e 0`', 'at most', 3),
  goal('growth.down.ratio', 'agent resident after 1 GiB down, over before', 'at most', 1.2),
  goal('growth.up.ratio', 'the same after 1 GiB up', 'at most', 1.2),
  goal('sftp.get.ratio', 'sftp get through everything over sshd direct', 'at least', 0.5),
  goal('sftp.put.ratio', 'sftp put, the same', 'at least', 0.4),
  goal('keys.added.p50', 'added key-press latency at 4 ms, p50', 'at most', 0.5),
  goal('keys.added.p99', 'the same, p99', 'at most', 2),
  goal('connect.local', 'client connect to SSH banner, p50', 'at most', 15),
  goal('connect.hop', 'the same with a hop', 'at most', 25),
  // What there is besides sessions
  goal('memory.per_agent', 'memory per idle agent', 'at most', 12),
  goal('setup.ratio', 'sessions set up per second over bare ws handshakes', 'at least', 0.6),
  goal('policy.sessions.ratio', 'sessions set up per second with a policy over without', 'at least', 0.9),
  goal('policy.links.ratio', 'agents back per second, with a pass over without a policy', 'at least', 0.9),
  goal(
    'start.second.ratio',
    'CPU of a later start of the agent over that of the program by itself',
    'at most',
    1.2,
  ),
  goal('download.agent', 'what a plain curl brings', 'at most', 25),
  goal('page.ratio', 'first prompt in a browser that has nothing of the page, over ssh', 'at most', 1.3),
  goal('resume.last', 'last of 200 sessions resumed after kill -9', 'at most', 2),
];

export function verdictOn(goal: Goal, figures: Figures): Verdict {
  const figure = figures.get(goal.figure);
  if (figure === undefined) return undefined;
  const verdict = isMet(goal, figure.median) ? 'met' : 'missed';
  return isMet(goal, figure.least) === isMet(goal, figure.most) ? verdict : `${verdict}, not in every round`;
}

function isMet({ bound, value }: Goal, measured: Figure['median']): boolean {
  return bound === 'at most' ? measured <= value : measured >= value;
}

function goal(figure: string, what: string, bound: Goal['bound'], value: number): Goal {
  return { figure, what, bound, value };
}
