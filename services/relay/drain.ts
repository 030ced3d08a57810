// The drain: how a relay leaves without anybody noticing (docs/architecture.md, "The drain").
import type { Clock } from '#shared/time/clock.ts';
import type { AgentTable } from './session/agent-table.ts';
import type { Log } from './session/needs.ts';
import type { SessionTable } from './session/session-table.ts';
import type { WaitingClients } from './session/waiting-clients.ts';

/**
 * Resumable sessions are sent away one by one over this time, in milliseconds, so that they do not reach the next relay
 * all at once.
 */
export const SPREAD_MS = 2_000;

/**
 * How long agents have to open another link before theirs is closed, in milliseconds. An agent waits up to 3 s before it
 * dials again. One that has nowhere else to go is not waited for longer.
 */
export const AGENTS_MOVE_WITHIN_MS = 5_000;

export interface DrainOptions {
  readonly agents: AgentTable;
  readonly sessions: SessionTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly waiting: WaitingClients;
  /** From the signal to the first goodbye, in milliseconds: balancers look at /readyz first. */
  readonly delayMs: number;
  /** From the first goodbye to the end of what could not move, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Sends everybody away; resolves when nobody is left or the time is over. The caller has made /readyz fail and
 * refuses new upgrades.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { agents, sessions, clock, log, waiting, delayMs, timeoutMs } = options;
  log.info({ agents: agents.size, sessions: sessions.size, delayMs, timeoutMs }, 'drain started');
  if (delayMs > 0) await wait(clock, delayMs);
  waiting.dismiss();
  const seconds = Math.ceil(timeoutMs / 1000);
  for (const agent of agents) agent.link.send({ type: 'goaway', reason: 'restart', seconds });
  for (const session of sessions) {
    if (!session.resumable) continue;
    const spread = Math.min(SPREAD_MS, timeoutMs);
    clock.after(Math.random() * spread, () => {
      sessions.close('restart', (candidate) => candidate === session);
    });
  }
  await Promise.all([
    Promise.race([sessions.empty(), wait(clock, timeoutMs)]),
    Promise.race([agents.empty(), wait(clock, Math.min(AGENTS_MOVE_WITHIN_MS, timeoutMs))]),
  ]);
  if (sessions.size > 0) log.warn({ sessions: sessions.size }, 'sessions cut at the drain timeout');
  sessions.close('going_away', () => true);
  for (const agent of agents) agent.link.close('restart');
  log.info({}, 'drain ended');
}

function wait(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  return promise;
}
