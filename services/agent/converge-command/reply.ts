// What `converge` answers in a session.
import { faultText } from '#shared/text/fault-text.ts';
import { formatDuration } from '#shared/time/duration.ts';
import type { KeyAllowance } from '../access/key-allowance.ts';
import { MAX_PASSWORD_FAILURES, type PasswordState } from '../access/password-guard.ts';
import type { ExpirySnapshot } from '../expiry/expiry-watch.ts';
import { formatMoment } from '../notices/time-of-day.ts';
import type { ConvergeReply } from './request.ts';

/** What `converge status` reports. */
export interface AgentFacts {
  readonly id: string;
  readonly publicUrl: string;
  /** False while the agent is dialling the relay again. */
  readonly isRelayConnected: boolean;
  /** Of the logged-in clients, those without a transport that may still resume. */
  readonly detached: number;
  /** Undefined where keys are asked for. */
  readonly password: PasswordState | undefined;
  /** Undefined once the agent has ended. */
  readonly expiry: ExpirySnapshot | undefined;
}

const ENDING: ConvergeReply = { exitCode: 1, text: 'converge: this agent is ending' };

/** The answer to `converge status`; `now` is in milliseconds since the epoch, as in all answers. */
export function statusReply(status: AgentFacts, now: number): ConvergeReply {
  const { expiry } = status;
  if (expiry === undefined) return ENDING;
  const link = status.isRelayConnected ? 'connected' : 'not connected, dialling again';
  return {
    exitCode: 0,
    text: [
      `id       ${status.id}`,
      `relay    ${status.publicUrl} (${link})`,
      `clients  ${clientsText(expiry.clients, status.detached)}`,
      `password ${passwordText(status.password)}`,
      `hold     ${holdText(expiry)}`,
      `ends     ${momentText(expiry, now)}${expiry.isCapped ? `, ${lastWord(expiry)}` : ''}`,
      `         never after ${formatMoment(expiry.lastDeadline, now)}`,
    ].join('\n'),
  };
}

function holdText({ isHeld, isJobRunning }: ExpirySnapshot): string {
  if (isHeld) return 'held by .hold, also when everybody leaves';
  if (isJobRunning) return 'none: ends with the job, when nobody is in then (agent wait)';
  return 'none: ends when the last client leaves, not when it is lost';
}

/** The same for a program: times from now on, in milliseconds. Fields may be added. */
export function statusJsonReply({ expiry, id }: AgentFacts, now: number): ConvergeReply {
  if (expiry === undefined) return ENDING;
  const { clients, deadline, isHeld: held, lastDeadline } = expiry;
  const times = { endsInMs: deadline - now, neverAfterMs: lastDeadline - now };
  return { exitCode: 0, text: JSON.stringify({ id, clients, held, ...times }) };
}

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

/** After a hold; `expiry` is what came of it. */
export function holdReply(expiry: ExpirySnapshot | undefined, now: number): ConvergeReply {
  if (expiry === undefined) return ENDING;
  const text = `held until ${momentText(expiry, now)}, also when everybody leaves`;
  if (!expiry.isCapped) return { exitCode: 0, text };
  return { exitCode: 0, text: `${text}\n${lastWord(expiry)} ends it then: it cannot be held for longer` };
}

/** What keeps the deadline from being later. */
function lastWord({ isRelayFirst }: ExpirySnapshot): string {
  return isRelayFirst ? 'the time that the relay gives' : 'the longest lifetime';
}

/** After a release; `existed` is false if there was no hold file. */
export function releaseReply(
  existed: boolean,
  expiry: ExpirySnapshot | undefined,
  now: number,
): ConvergeReply {
  if (expiry === undefined) return { exitCode: 0, text: 'released: the agent ends now' };
  const soon = expiry.isJobRunning ? 'with the job' : 'when the last client leaves';
  const until = `ends ${soon}, or at ${momentText(expiry, now)}`;
  return { exitCode: 0, text: `${existed ? 'released' : 'it was not held'}: ${until}` };
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

function momentText({ deadline, remainingMs }: ExpirySnapshot, now: number): string {
  return `${formatMoment(deadline, now)} (in ${formatDuration(remainingMs)})`;
}

function passwordText(state: PasswordState | undefined): string {
  if (state === undefined) return 'none: keys only';
  if (state.kind === 'on') return `on, after ${state.failures} of ${MAX_PASSWORD_FAILURES} wrong ones`;
  const why = state.reason === 'asked' ? '' : ` after ${state.failures} wrong ones`;
  return `off${why}: nobody else gets in until \`converge password on\``;
}

function clientsText(clients: number, detached: number): string {
  const text = `${clients} logged in`;
  return detached === 0 ? text : `${text}, ${detached} of them without a connection at the moment`;
}
