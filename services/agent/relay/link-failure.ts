// Link failures: why a relay did not take the agent, and for how long trying again makes sense.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { agentPath } from '#shared/protocol/paths.ts';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';
import { dialFailureFrom, hostAndPort } from '#shared/websocket/dial-failure-text.ts';
import type { ControlDialOutcome, RelayTarget } from './relay-dialler.ts';

/** A relay that never answered is given up after this time, in milliseconds: a typo should not hold a job for long. */
export const FIRST_LINK_PATIENCE_MS = 60_000;

/** In milliseconds: a little longer than a lease. A taken ID may be that of the job's previous run, whose lease runs out. */
export const TAKEN_PATIENCE_MS = LEASE_MS + 5_000;

/** The relay is well, and says no for now: an agent that ends over it was refused. */
const SAID_NO: ReadonlySet<RefusalCode> = new Set(['blocked', 'rule_full']);

/** A relay did not take the agent. */
export interface LinkFailure {
  /** How the agent ends once the patience is over. `usurped`: it had its ID, and lost it to another agent. */
  readonly kind: 'unreachable' | 'refused' | 'usurped' | 'version';
  /** One line: who said what, and the way out. */
  readonly message: string;
  /** How long trying again makes sense, in milliseconds; 0: the same question gets the same answer. */
  readonly patienceMs: number;
  /** How long whoever said no asks to be left alone, in milliseconds. */
  readonly waitMs?: number;
}

/** What a dial that opened no link means. `wasLinked`: a relay has taken this agent before. */
export function linkFailureFrom(
  outcome: Exclude<ControlDialOutcome, { kind: 'open' }>,
  target: RelayTarget,
  wasLinked: boolean,
): LinkFailure {
  if (outcome.kind === 'unproved') {
    const { message, passes } = outcome;
    return passes ? unreachable(message, wasLinked) : { kind: 'refused', message, patienceMs: 0 };
  }
  const relay = new URL(`${target.base}${agentPath(target.id)}`);
  const failure = dialFailureFrom(outcome, { relay, proxy: target.proxy });
  const { message } = failure;
  const wait = failure.kind === 'silence' || failure.waitMs === undefined ? {} : { waitMs: failure.waitMs };
  if (failure.kind !== 'refusal') return { ...unreachable(message, wasLinked), ...wait };
  if (failure.code === 'upgrade_required') return { kind: 'version', message, patienceMs: 0 };
  if (failure.code === 'id_taken' && wasLinked) {
    const words = `another agent has the ID ${target.id} now: nobody new can come in here, and sessions that are open go on`;
    return { kind: 'usurped', message: words, patienceMs: TAKEN_PATIENCE_MS };
  }
  if (failure.code === 'id_taken') return { kind: 'refused', message, patienceMs: TAKEN_PATIENCE_MS };
  if (failure.code === 'id_not_allowed') {
    // It may be one that nobody typed: without an ID in the URL the agent makes one up.
    const words = `${message}; the ID is ${target.id}: end the URL with one that the relay allows`;
    return { kind: 'refused', message: words, patienceMs: 0 };
  }
  if (!REFUSALS[failure.code].retry) return { kind: 'refused', message, patienceMs: 0 };
  const passing = { ...unreachable(message, wasLinked), ...wait };
  return SAID_NO.has(failure.code) ? { ...passing, kind: 'refused' } : passing;
}

/** What it means that a link was opened and closed before its welcome. */
export function closedEarly(target: RelayTarget, reason: CloseReason, wasLinked: boolean): LinkFailure {
  const who = hostAndPort(new URL(target.base));
  return unreachable(`${who} took the connection and closed it (${reason}); it may be no relay`, wasLinked);
}

/** An operator of the relay has ended the agent by closing its link: dialling again would be against their word. */
export function endedByOperator(target: RelayTarget): LinkFailure {
  const who = hostAndPort(new URL(target.base));
  const message = `an operator of the relay at ${who} ended this agent: ask whoever runs that relay before you start another`;
  return { kind: 'refused', message, patienceMs: 0 };
}

function unreachable(message: string, wasLinked: boolean): LinkFailure {
  return {
    kind: 'unreachable',
    message,
    patienceMs: wasLinked ? Number.POSITIVE_INFINITY : FIRST_LINK_PATIENCE_MS,
  };
}
