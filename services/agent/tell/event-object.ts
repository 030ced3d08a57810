// Events of the job log as objects for machines. docs/agent-events.md has a table of each, made from deploy/build/pages/agent-event-schema.ts.
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import type { JsonObject } from '#shared/text/json-line.ts';
import { printable, printableLine } from '#shared/text/printable.ts';
import { type Credential, type LogEvent, logTextFrom } from '../notices/log-line.ts';

/** Every name that a line of `--json` may have as its `event`. */
export const AGENT_EVENT_NAMES = [
  'card',
  'waiting',
  'cut_off',
  'client_connected',
  'client_joined',
  'client_left',
  'client_lost',
  'login_refused',
  'held',
  'released',
  'hold_unreadable',
  'hold_old',
  'ending',
  'ended',
  'relay_lost',
  'relay_back',
  'session_changed',
  'ssh',
  'crowded',
  'password_shut',
  'password_turned',
  'key_allowed',
  'note',
] as const;

export type AgentEventName = (typeof AGENT_EVENT_NAMES)[number];

/** What all of them have. */
export interface EventObject extends JsonObject {
  readonly event: AgentEventName;
  readonly time: string;
}

/** Of a text from outside, so many characters are told. */
export const MAX_TOLD_NAME_LENGTH = 128;

/** `now`: milliseconds since the epoch, as all times of a LogEvent. */
export function eventObjectFrom(event: LogEvent, now: number): EventObject {
  const { event: name, ...fields } = fieldsOf(event, now);
  return { event: name, time: isoFrom(now), text: printableLine(logTextFrom(event, now)), ...fields };
}

/** Milliseconds since the epoch as ISO 8601. */
export function isoFrom(at: number): string {
  return new Date(at).toISOString();
}

/** Of a duration in milliseconds. */
export function secondsFrom(ms: number): number {
  return Math.max(0, Math.round(ms / 100) / 10);
}

interface Fields extends JsonObject {
  readonly event: AgentEventName;
}

function fieldsOf(event: LogEvent, now: number): Fields {
  switch (event.kind) {
    case 'waiting':
      return { event: 'waiting', ...untilFields(event.deadline, now) };
    case 'cut_off':
      return { event: 'cut_off', since: isoFrom(event.since), ...untilFields(event.deadline, now) };
    case 'connected':
      return { event: 'client_connected', address: event.address };
    case 'logged_in':
      return { event: 'client_joined', ...whoFields(event), by: credentialFields(event.credential) };
    case 'logged_out':
    case 'passed_by':
      return { event: 'client_left', ...departureFields(event), ranSomething: event.kind === 'logged_out' };
    case 'lost':
      return {
        event: 'client_lost',
        ...departureFields(event),
        reason: event.reason,
        ...untilFields(event.deadline, now),
      };
    case 'refused': {
      const { attempt, reason } = event;
      return { event: 'login_refused', ...whoFields(event), reason, attempt };
    }
    case 'held':
      return { event: 'held', by: event.by, ...untilFields(event.deadline, now) };
    case 'hold_old':
      return { event: 'hold_old' };
    case 'released':
      return { event: 'released', ...untilFields(event.deadline, now), clients: event.clients };
    case 'hold_unreadable':
      return { event: 'hold_unreadable', code: event.code };
    case 'warning':
      return { event: 'ending', ...untilFields(now + event.remainingMs, now) };
    case 'ended':
    case 'failed':
      return { event: 'ended', reason: event.reason, exitCode: event.exitCode };
    case 'relay_lost':
      return { event: 'relay_lost', reason: event.reason };
    case 'relay_back':
      return { event: 'relay_back', pod: event.pod.printable(MAX_TOLD_NAME_LENGTH) };
    case 'resume':
      return { event: 'session_changed', address: event.address, ...changeFields(event.event) };
    case 'ssh':
      return { event: 'ssh', what: event.text, fields: printableFields(event.fields) };
    case 'crowded': {
      const { turnedAway, leftOut, withinMs, mostFrom } = event;
      return { event: 'crowded', turnedAway, leftOut, withinSeconds: secondsFrom(withinMs), mostFrom };
    }
    case 'password_shut':
      return { event: 'password_shut', failures: event.failures, command: event.command };
    case 'password_turned':
      return { event: 'password_turned', state: event.state };
    case 'key_allowed': {
      const { fingerprint, comment } = event;
      return { event: 'key_allowed', fingerprint, comment: comment.printable(MAX_TOLD_NAME_LENGTH) };
    }
    case 'note':
      return { event: 'note' };
  }
}

/** Some hold what a client sent. What is Untrusted becomes printable by itself. */
function printableFields(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? printable(value) : value,
    ]),
  );
}

function untilFields(deadline: number, now: number): JsonObject {
  return { deadline: isoFrom(deadline), secondsLeft: secondsFrom(deadline - now) };
}

function whoFields({
  address,
  user,
}: Pick<LogEvent & { kind: 'logged_in' }, 'address' | 'user'>): JsonObject {
  return { address, user: user.printable(MAX_TOLD_NAME_LENGTH) };
}

function departureFields(event: LogEvent & { kind: 'logged_out' | 'passed_by' | 'lost' }): JsonObject {
  const { connectedMs, clients } = event;
  return { ...whoFields(event), seconds: secondsFrom(connectedMs), clients };
}

function credentialFields(credential: Credential): JsonObject {
  switch (credential.kind) {
    case 'password':
      return { kind: 'password' };
    case 'key': {
      const { fingerprint, comment } = credential;
      return { kind: 'key', fingerprint, comment: comment?.printable(MAX_TOLD_NAME_LENGTH) };
    }
    case 'certificate': {
      const { keyId, ...others } = credential;
      return { ...others, keyId: keyId.printable(MAX_TOLD_NAME_LENGTH) };
    }
  }
}

function changeFields(event: ResumeEvent): JsonObject {
  switch (event.kind) {
    case 'opened':
    case 'finished':
    case 'ended_by_operator':
      return { change: event.kind };
    case 'detached':
      return { change: 'detached', reason: event.reason };
    case 'resumed':
      return {
        change: 'resumed',
        afterSeconds: secondsFrom(event.afterMs),
        replayedBytes: event.replayedBytes,
      };
    case 'given_up':
      return { change: 'given_up', afterSeconds: secondsFrom(event.afterMs) };
    case 'reset':
      return { change: 'reset', by: event.by === 'us' ? 'agent' : 'client', code: event.code };
    case 'refused':
      return { change: 'refused', code: event.code };
  }
}
