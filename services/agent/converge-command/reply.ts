// What `converge` answers in a session.
import { faultText } from '#shared/text/fault-text.ts';
import { formatDuration, roundToMinute } from '#shared/time/duration.ts';
import type { KeyAllowance } from '../access/key-allowance.ts';
import { MAX_PASSWORD_FAILURES, type PasswordState } from '../access/password-guard.ts';
import type { ExpirySnapshot } from '../expiry/expiry-snapshot.ts';
import type { HoldOutcome, ReleaseOutcome } from '../expiry/expiry-watch.ts';
import { formatMoment } from '../notices/time-of-day.ts';
import type { ConvergeReply } from './request.ts';

/** Instead of any answer about a time that is over. */
export const ENDING_REPLY: ConvergeReply = { exitCode: 1, text: 'converge: this agent is ending' };

/** After `allow`. */
export function allowReply(allowance: KeyAllowance): ConvergeReply {
  switch (allowance.kind) {
    case 'allowed':
      return { exitCode: 0, text: `the key ${allowance.fingerprint} may enter, until the end` };
    case 'password':
      return {
        exitCode: 1,
        text: 'converge: this agent asks for a password, and for no keys: start it with --authorized-keys',
      };
    case 'refused':
      return { exitCode: 1, text: `converge: ${allowance.problem}` };
  }
}

/** After a hold. */
export function holdReply(outcome: HoldOutcome, now: number): ConvergeReply {
  if (outcome.kind === 'ended') return ENDING_REPLY;
  const { expiry } = outcome;
  const moment = deadlineText(expiry, now);
  const also = 'also when everybody leaves';
  const lines =
    outcome.kind === 'kept'
      ? [`held until ${moment} already, ${also}: a hold is never shortened`, 'let go first: converge release']
      : [`held until ${moment}, ${also}`];
  if (outcome.kind === 'in_memory') {
    lines.push(`.hold cannot be written (${outcome.fault}): the agent holds without it`);
    lines.push('let go by `converge release`');
  }
  if (expiry.isCapped) lines.push(`${lastWord(expiry)} ends it then: it cannot be held for longer`);
  return { exitCode: 0, text: lines.join('\n') };
}

/** What keeps the deadline from being later. */
export function lastWord({ isRelayFirst }: ExpirySnapshot): string {
  return isRelayFirst ? 'the time that the relay gives' : 'the longest lifetime';
}

/** After a release. */
export function releaseReply(
  outcome: ReleaseOutcome,
  expiry: ExpirySnapshot | undefined,
  now: number,
): ConvergeReply {
  const word = outcome.kind === 'not_held' ? 'it was not held' : 'released';
  const stays = '.hold cannot be removed, and holds no more until it is touched';
  const soon = expiry?.isJobRunning === true ? 'with the job' : 'when the last client leaves';
  const lines = [
    expiry === undefined
      ? `${word}: the agent ends now`
      : `${word}: ends ${soon}, or at ${deadlineText(expiry, now)}`,
    ...(outcome.kind === 'file_stays' ? [`${stays} (${outcome.fault})`] : []),
  ];
  return { exitCode: 0, text: lines.join('\n') };
}

/** After `password on` or `password off`; `state` is what came of it. */
export function passwordReply(state: PasswordState | undefined): ConvergeReply {
  if (state === undefined) {
    return { exitCode: 1, text: 'converge: this agent takes keys only, there is no password' };
  }
  return { exitCode: 0, text: `password ${passwordText(state)}` };
}

/** Before the end that is a word on the job; undefined: it goes on. */
export function verdictReply(failure: number | undefined): ConvergeReply {
  const what = failure === undefined ? 'the job goes on' : `the job fails with ${failure}`;
  return { exitCode: 0, text: `${what}: every session closes now` };
}

/** Before the end. */
export function endReply(): ConvergeReply {
  return { exitCode: 0, text: 'ending: every session closes now' };
}

/** When the file system refused. */
export function failureReply(command: string, error: unknown): ConvergeReply {
  return {
    exitCode: 1,
    text: `converge: cannot ${command}: ${faultText(error)}`,
  };
}

/** A deadline, and how long it is until then. */
export function deadlineText({ deadline, remainingMs }: ExpirySnapshot, now: number): string {
  return `${formatMoment(deadline, now)} (in ${formatDuration(roundToMinute(remainingMs))})`;
}

/** Whether one comes in by the password, and why not. */
export function passwordText(state: PasswordState | undefined): string {
  if (state === undefined) return 'none: keys only';
  if (state.kind === 'on') return `on, after ${state.failures} of ${MAX_PASSWORD_FAILURES} wrong ones`;
  const why = state.reason === 'asked' ? '' : ` after ${state.failures} wrong ones`;
  return `off${why}: nobody else gets in until \`converge password on\``;
}
