// What `converge status` answers: who is in and what they do, what holds, when it ends and why then.
import type { Untrusted } from '#shared/text/untrusted.ts';
import { wrapWords } from '#shared/text/wrap.ts';
import { formatElapsed } from '#shared/time/duration.ts';
import type { PasswordState } from '../access/password-guard.ts';
import type { DeadlineCause } from '../expiry/expiry.ts';
import type { ExpirySnapshot } from '../expiry/expiry-snapshot.ts';
import { type Credential, credentialText } from '../notices/log-line.ts';
import { formatMoment } from '../notices/time-of-day.ts';
import { deadlineText, ENDING_REPLY, lastWord, passwordText } from './reply.ts';
import type { ConvergeReply } from './request.ts';

/** So many clients are told one by one, the rest as a number: an answer is one line of MAX_REPLY_BYTES. */
export const MAX_TOLD_CLIENTS = 32;

/** The longest user name, key comment or key ID in JSON, in characters. */
const MAX_TOLD_LENGTH = 128;
/** The longest user name at the head of a line, in characters. */
const MAX_NAME_LENGTH = 32;

/** Terminals are at least this wide. */
const WIDTH = 80;
const VALUE_COLUMN = 9;
const DETAIL_COLUMN = 11;

/** Somebody who is logged in. */
export interface PresentPerson {
  readonly user: Untrusted;
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly credential: Credential;
  /** Without a transport now; may come back. */
  readonly isDetached: boolean;
  readonly shells: number;
  readonly commands: number;
  readonly fileTransfers: number;
  readonly forwards: number;
}

/** What there is to report. */
export interface AgentFacts {
  readonly id: string;
  readonly publicUrl: string;
  /** False while the agent is dialling the relay again. */
  readonly isRelayConnected: boolean;
  /** Those who are logged in, in the order in which they came. */
  readonly people: readonly PresentPerson[];
  /** Undefined where keys are asked for. */
  readonly password: PasswordState | undefined;
  /** Undefined once the agent has ended. */
  readonly expiry: ExpirySnapshot | undefined;
}

/** The answer for people, 80 columns wide; `now` is in milliseconds since the epoch, as in all answers. */
export function statusReply(status: AgentFacts, now: number): ConvergeReply {
  const { expiry, people } = status;
  if (expiry === undefined) return ENDING_REPLY;
  const link = status.isRelayConnected ? 'connected' : 'not connected, dialling again';
  const told = people.slice(0, MAX_TOLD_CLIENTS);
  const rest = people.length - told.length;
  return {
    exitCode: 0,
    text: [
      ...row('id', status.id),
      ...row('relay', `${status.publicUrl} (${link})`),
      ...row('clients', clientsText(people)),
      ...told.flatMap((person) => personLines(person, now)),
      ...(rest === 0 ? [] : row('', `and ${rest} more`)),
      ...row('password', passwordText(status.password)),
      ...row('hold', holdText(expiry)),
      ...row('ends', `${deadlineText(expiry, now)}, ${causeText(expiry)}`),
      ...row('', `never after ${formatMoment(expiry.lastDeadline, now)}`),
    ].join('\n'),
  };
}

/** The same for a program, as docs/status.md has it. Fields may be added. */
export function statusJsonReply(status: AgentFacts, now: number): ConvergeReply {
  const { expiry, id, people, password, publicUrl, isRelayConnected } = status;
  if (expiry === undefined) return ENDING_REPLY;
  const { cause, deadline, heldBy, isHeld, lastDeadline } = expiry;
  const text = JSON.stringify({
    id,
    relay: { url: publicUrl, connected: isRelayConnected },
    clients: people.length,
    detached: people.filter(({ isDetached }) => isDetached).length,
    people: people.slice(0, MAX_TOLD_CLIENTS).map((person) => personJson(person, now)),
    password: password === undefined ? null : { on: password.kind === 'on', failures: password.failures },
    held: isHeld,
    heldBy: heldBy ?? null,
    endsAt: isoOf(deadline),
    endsInMs: deadline - now,
    endsBy: cause,
    neverAfter: isoOf(lastDeadline),
    neverAfterMs: lastDeadline - now,
  });
  return { exitCode: 0, text };
}

function personLines(person: PresentPerson, now: number): string[] {
  const { user, address, since, credential } = person;
  const when = `since ${formatMoment(since, now)} (${formatElapsed(now - since)})`;
  const who = `${user.printable(MAX_NAME_LENGTH)} from ${address} ${when}: ${occupationText(person)}`;
  return [
    ...indented(who, VALUE_COLUMN, DETAIL_COLUMN),
    ...indented(`by ${credentialText(credential)}`, DETAIL_COLUMN, DETAIL_COLUMN),
  ];
}

function personJson(person: PresentPerson, now: number) {
  const { user, address, since, credential, isDetached: detached } = person;
  const { shells, commands, fileTransfers, forwards } = person;
  return {
    user: user.printable(MAX_TOLD_LENGTH),
    address,
    since: isoOf(since),
    sinceMs: now - since,
    by: credentialJson(credential),
    detached,
    shells,
    commands,
    fileTransfers,
    forwards,
  };
}

function credentialJson(credential: Credential) {
  switch (credential.kind) {
    case 'password':
      return { method: 'password' };
    case 'key': {
      const comment = credential.comment?.printable(MAX_TOLD_LENGTH);
      return { method: 'key', key: credential.fingerprint, comment: comment ?? '' };
    }
    case 'certificate': {
      const { fingerprint: key, keyId, serial, caFingerprint: authority } = credential;
      return { method: 'certificate', key, keyId: keyId.printable(MAX_TOLD_LENGTH), serial, authority };
    }
  }
}

function occupationText(person: PresentPerson): string {
  const { shells, commands, fileTransfers, forwards, isDetached } = person;
  const parts = [
    ...counted(shells, 'shell'),
    ...counted(commands, 'command'),
    ...counted(fileTransfers, 'file transfer'),
    ...counted(forwards, 'forward'),
  ];
  const doing = parts.length === 0 ? 'nothing runs' : parts.join(', ');
  return isDetached ? `${doing}; without a connection at the moment` : doing;
}

function counted(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}${count === 1 ? '' : 's'}`];
}

function clientsText(people: readonly PresentPerson[]): string {
  const detached = people.filter(({ isDetached }) => isDetached).length;
  const text = `${people.length} logged in`;
  return detached === 0 ? text : `${text}, ${detached} of them without a connection at the moment`;
}

function holdText({ heldBy, isJobRunning }: ExpirySnapshot): string {
  switch (heldBy) {
    case 'file':
      return 'held by .hold, also when everybody leaves';
    case 'memory':
      return 'held without .hold, which cannot be written, also when everybody leaves';
    case undefined:
      if (isJobRunning) return 'none: ends with the job, when nobody is in then (agent wait)';
      return 'none: ends when the last client leaves, not when it is lost';
  }
}

const CAUSES: Readonly<Record<Exclude<DeadlineCause, 'max_lifetime' | 'relay_lifetime'>, string>> = {
  start: 'counted from the start',
  activity: 'counted from the last activity',
  hold: 'by the hold',
};

function causeText(expiry: ExpirySnapshot): string {
  const { cause } = expiry;
  return cause === 'max_lifetime' || cause === 'relay_lifetime' ? lastWord(expiry) : CAUSES[cause];
}

function row(name: string, value: string): string[] {
  const [first = '', ...more] = indented(value, VALUE_COLUMN, VALUE_COLUMN);
  return [`${name.padEnd(VALUE_COLUMN)}${first.slice(VALUE_COLUMN)}`, ...more];
}

/** Lines of at most WIDTH; those after the first begin at `rest`. A word that is longer stays whole. */
function indented(text: string, first: number, rest: number): string[] {
  const width = WIDTH - Math.max(first, rest);
  return wrapWords(text, width).map((line, index) => `${' '.repeat(index === 0 ? first : rest)}${line}`);
}

function isoOf(at: number): string {
  return new Date(at).toISOString();
}
