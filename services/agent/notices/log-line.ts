// Lines of the job log, one per event, each with its time.
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { type PrintableLine, printable, printableLine } from '#shared/text/printable.ts';
import type { Untrusted } from '#shared/text/untrusted.ts';
import { formatDuration, formatElapsed, roundToMinute } from '#shared/time/duration.ts';
import { END_REASONS, type EndReason } from '../expiry/end-reason.ts';
import type { HeldBy } from '../expiry/expiry.ts';
import { formatMoment, formatTimeOfDay } from './time-of-day.ts';

/** The longest user name or key comment in a line, in characters: what follows it must still be read. */
const MAX_NAME_LENGTH = 64;
/** The longest reason in a line, in characters: it may name many keys. */
const MAX_REASON_LENGTH = 160;

/** How a client entered; `fingerprint` is `SHA256:…`. */
export type Credential =
  | { readonly kind: 'password' }
  | { readonly kind: 'key'; readonly fingerprint: string; readonly comment?: Untrusted | undefined }
  | {
      readonly kind: 'certificate';
      /** Of the key in it. */
      readonly fingerprint: string;
      readonly keyId: Untrusted;
      readonly serial: string;
      readonly caFingerprint: string;
    };

/** Why an agent ended that did not end as designed. */
export type FailureReason = 'unreachable' | 'refused' | 'version' | 'fault';

/** Who is gone, after how long, and how many are still there. */
interface Departure {
  readonly address: string;
  readonly user: Untrusted;
  readonly connectedMs: number;
  readonly clients: number;
}

/** What the job log reports. Addresses are as the relay reports them; nobody may read raw what is `Untrusted`. */
export type LogEvent =
  /** Nobody is here; the relay would let them in. */
  | { readonly kind: 'waiting'; readonly deadline: number }
  /** Nobody is here, and nobody can come: there is no relay since then. */
  | { readonly kind: 'cut_off'; readonly since: number; readonly deadline: number }
  | { readonly kind: 'connected'; readonly address: string }
  | {
      readonly kind: 'logged_in';
      readonly address: string;
      readonly user: Untrusted;
      readonly credential: Credential;
    }
  | (Departure & { readonly kind: 'logged_out' })
  /** Gone without a goodbye: the agent goes on waiting. */
  | (Departure & { readonly kind: 'lost'; readonly reason: 'lost' | 'fault'; readonly deadline: number })
  /** Logged in and gone, and nothing had run. */
  | (Departure & { readonly kind: 'passed_by' })
  | {
      readonly kind: 'refused';
      readonly address: string;
      readonly user: Untrusted;
      readonly reason: Untrusted;
      readonly attempt: number;
    }
  /** `by`: the hold file, or the agent's memory alone. */
  | { readonly kind: 'held'; readonly deadline: number; readonly by: HeldBy }
  | { readonly kind: 'released'; readonly deadline: number; readonly clients: number }
  | { readonly kind: 'warning'; readonly remainingMs: number }
  | { readonly kind: 'hold_unreadable'; readonly code: string }
  /** It is older than the agent, and holds nothing. */
  | { readonly kind: 'hold_old' }
  | { readonly kind: 'relay_lost'; readonly reason: string }
  | { readonly kind: 'relay_back'; readonly pod: Untrusted }
  | { readonly kind: 'resume'; readonly event: ResumeEvent; readonly address: string }
  /** What the SSH server has to say: constant text, and its data. */
  | {
      readonly kind: 'ssh';
      readonly text: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** What happened too often for a line each. */
  | {
      readonly kind: 'crowded';
      readonly withinMs: number;
      readonly turnedAway: number;
      readonly mostFrom: { readonly source: string; readonly count: number } | undefined;
      readonly leftOut: number;
    }
  /** `command` is the path of `converge` in this job, where there is one. */
  | { readonly kind: 'password_shut'; readonly failures: number; readonly command: string | undefined }
  | { readonly kind: 'password_turned'; readonly state: 'on' | 'off' }
  /** By `converge allow`. */
  | { readonly kind: 'key_allowed'; readonly fingerprint: string; readonly comment: Untrusted }
  | { readonly kind: 'note'; readonly text: string }
  /** As designed. `exitCode` is what its process ends with, here and below. */
  | { readonly kind: 'ended'; readonly reason: EndReason; readonly exitCode: number }
  /** No relay has it any more, or ever had; what was wrong has been said. */
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly exitCode: number };

/** Events that `--quiet` leaves out: they report that nothing happened. */
export function isRoutine(event: LogEvent): boolean {
  switch (event.kind) {
    case 'waiting':
    case 'cut_off':
    case 'connected':
      return true;
    case 'resume':
      return event.event.kind === 'opened' || event.event.kind === 'finished';
    default:
      return false;
  }
}

/** "converge 14:03:22 UTC: …", one line without its end. Text from outside is made printable, and means nothing to a CI system. */
export function logLineFrom(event: LogEvent, now: number): PrintableLine {
  return printableLine(`converge ${formatTimeOfDay(now)}: ${logTextFrom(event, now)}`);
}

/** The same without its head, and not yet printable. */
export function logTextFrom(event: LogEvent, now: number): string {
  switch (event.kind) {
    case 'waiting':
      return `waiting for somebody to connect; ${endsIn(event.deadline - now)}`;
    case 'cut_off': {
      const since = `${formatMoment(event.since, now)} (${formatDuration(roundToMinute(now - event.since))})`;
      return `nobody can connect: no relay since ${since}, still dialling; ${endsIn(event.deadline - now)}`;
    }
    case 'connected':
      return `connection from ${event.address}`;
    case 'logged_in':
      return `${nameText(event.user)} logged in from ${event.address} with ${credentialText(event.credential)}`;
    case 'logged_out':
      return departureText(event, 'logged out', '');
    case 'passed_by':
      return departureText(event, 'logged out', ' in which nothing ran');
    case 'lost': {
      const how = event.reason === 'lost' ? ' without a goodbye' : ' because of a fault';
      const text = departureText(event, 'was lost', how);
      return event.clients > 0 ? text : `${text}: waits until ${untilText(event.deadline, now)}`;
    }
    case 'refused':
      return `refused ${nameText(event.user)} from ${event.address}: ${event.reason.printable(MAX_REASON_LENGTH)}${attemptText(event.attempt)}`;
    case 'held':
      return `${event.by === 'file' ? 'held by .hold' : 'held, without .hold,'} until ${untilText(event.deadline, now)}`;
    case 'released':
      return event.clients === 0
        ? 'let go'
        : `let go: ends when the last client leaves, or at ${formatMoment(event.deadline, now)}`;
    case 'warning':
      return `ends in ${formatDuration(event.remainingMs)}`;
    case 'hold_unreadable':
      return `cannot look at .hold (${event.code}); what was known of it stands`;
    case 'hold_old':
      return 'there is an old .hold, from before this start: it does not hold; `touch .hold` or `converge hold` does';
    case 'relay_lost':
      return `lost the relay (${event.reason}), dialling again; sessions that can resume will`;
    case 'relay_back':
      return `connected to the relay again (${nameText(event.pod)})`;
    case 'resume':
      return resumeText(event.event, event.address);
    case 'ssh':
      return sshText(event.text, event.fields);
    case 'crowded':
      return crowdedText(event);
    case 'password_shut':
      return shutText(event.failures, event.command);
    case 'password_turned':
      return `password login was turned ${event.state} in a session`;
    case 'key_allowed':
      return `the key ${event.fingerprint} was let in by somebody in a session: ${event.comment.printable(80)}`;
    case 'note':
      return event.text;
    case 'ended':
      return `ended: ${END_REASONS[event.reason]}`;
    case 'failed':
      return `ended: ${FAILURE_REASONS[event.reason]}`;
  }
}

/** In words, as the END_REASONS are. */
export const FAILURE_REASONS = {
  unreachable: 'no relay could be reached',
  refused: 'the relay refused this agent',
  version: 'the relay does not speak the version of this agent',
  fault: 'a fault',
} as const satisfies Record<FailureReason, string>;

function crowdedText({ withinMs, turnedAway, mostFrom, leftOut }: LogEvent & { kind: 'crowded' }): string {
  const from = mostFrom === undefined ? '' : ` (${mostFrom.count} of ${mostFrom.source})`;
  const connections = turnedAway === 1 ? '1 connection' : `${turnedAway} connections`;
  const away = `${connections} without a login ${turnedAway === 1 ? 'was' : 'were'} turned away${from}`;
  const parts = [
    ...(turnedAway === 0 ? [] : [away]),
    ...(leftOut === 0 ? [] : [`${leftOut} more lines about connections are left out`]),
  ];
  return `too many at once, in ${formatDuration(withinMs)}: ${parts.join('; ')}`;
}

/** The way out first: a line that is too long is cut at its end. */
function shutText(failures: number, command: string | undefined): string {
  const inJob = command === undefined ? '' : `, or ${command} password on in this job`;
  return (
    `password login is off after ${failures} wrong passwords: \`converge password on\` in an open session${inJob}, ` +
    'or a new start of the agent turns it on again; sessions go on'
  );
}

function departureText(
  { address, user, connectedMs, clients }: Departure,
  what: string,
  how: string,
): string {
  return `${nameText(user)} from ${address} ${what} after ${formatElapsed(connectedMs)}${how}; ${clientsText(clients)}`;
}

/** A moment, and how long it is until then. */
export function untilText(deadline: number, now: number): string {
  return `${formatMoment(deadline, now)} (${formatDuration(roundToMinute(deadline - now))})`;
}

/** Keys that a client only offered are no attempts. */
function attemptText(attempt: number): string {
  return attempt === 0 ? '' : ` (attempt ${attempt})`;
}

function endsIn(remainingMs: number): string {
  return `ends in ${formatDuration(roundToMinute(remainingMs))}`;
}

/** "connection cut (address 192.0.2.7, reason no login in time)". */
function sshText(text: string, fields: Readonly<Record<string, unknown>>): string {
  const words = Object.entries(fields)
    // One connection is distinguished from another by its address; the ID means nothing to anybody.
    .filter(([name]) => name !== 'clientId')
    .map(
      ([name, value]) => `${name} ${printable(typeof value === 'string' ? value : JSON.stringify(value))}`,
    );
  return words.length === 0 ? text : `${text} (${words.join(', ')})`;
}

function resumeText(event: ResumeEvent, address: string): string {
  switch (event.kind) {
    case 'opened':
      return `session of ${address} opened`;
    case 'detached':
      return `session of ${address} lost its transport (${event.reason}) and waits for it`;
    case 'resumed': {
      const gap = event.afterMs < 1000 ? `${event.afterMs} ms` : formatDuration(event.afterMs);
      return `session of ${address} resumed after ${gap}, ${event.replayedBytes} bytes sent again`;
    }
    case 'given_up':
      if (event.afterMs === 0) return `session of ${address} ended with its transport`;
      return `session of ${address} given up: its client did not come back within ${formatElapsed(event.afterMs)}`;
    case 'ended_by_operator':
      return `session of ${address} ended by an operator of the relay`;
    case 'reset':
      return `session of ${address} broken off by ${event.by === 'us' ? 'the agent' : 'its client'}: ${event.code}`;
    case 'refused':
      return `a stream of ${address} was refused: ${event.code}`;
    case 'finished':
      return `session of ${address} finished`;
  }
}

/** With what somebody has come. Text from outside is printable. */
export function credentialText(credential: Credential): string {
  if (credential.kind === 'password') return 'the password';
  if (credential.kind === 'certificate') {
    const { fingerprint, keyId, serial, caFingerprint } = credential;
    return `certificate "${nameText(keyId)}" (serial ${serial}) by ${caFingerprint} for key ${fingerprint}`;
  }
  const comment = credential.comment === undefined ? '' : ` (${nameText(credential.comment)})`;
  return `key ${credential.fingerprint}${comment}`;
}

function nameText(name: Untrusted): string {
  return name.printable(MAX_NAME_LENGTH);
}

function clientsText(clients: number): string {
  if (clients === 0) return 'nobody is connected';
  return clients === 1 ? '1 client is connected' : `${clients} clients are connected`;
}
