// The goals: which figure is held against what.
import type { Figures } from './figures.ts';

export interface Goal {
  /** The figure's name. */
  readonly figure: string;
  readonly what: string;
  readonly bound: 'at most' | 'at least';
  readonly value: number;
}

/** A figure whose part did not run has no verdict. */
export type Verdict = 'met' | 'missed' | undefined;

export const GOALS: readonly Goal[] = [
  goal('relay.32k.ratio', 'relay CPU per GB over a TCP splice, 32 KiB', 'at most', 1.35),
  goal('relay.4k.ratio', 'the same at 4 KiB', 'at most', 1.5),
  goal('relay.256.ratio', 'the same at 256 B', 'at most', 3),
  goal('hop.ratio', 'CPU of both pods over one pod', 'at most', 2),
  goal('sftp.get.ratio', 'sftp get through everything over sshd direct', 'at least', 0.5),
  goal('sftp.put.ratio', 'sftp put, the same', 'at least', 0.4),
  goal('keys.added.p50', 'added key-press latency, p50', 'at most', 0.5),
  goal('keys.added.p99', 'added key-press latency, p99', 'at most', 2),
  goal('connect.local', 'client connect to SSH banner, p50', 'at most', 15),
  goal('connect.hop', 'the same with a hop', 'at most', 25),
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

export function verdictOn({ figure, bound, value }: Goal, figures: Figures): Verdict {
  const measured = figures.get(figure)?.median;
  if (measured === undefined) return undefined;
  return (bound === 'at most' ? measured <= value : measured >= value) ? 'met' : 'missed';
}

function goal(figure: string, what: string, bound: Goal['bound'], value: number): Goal {
  return { figure, what, bound, value };
}
