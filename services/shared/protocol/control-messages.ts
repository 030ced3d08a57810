// Control messages: what an agent and a relay say to each other on the control link.
//
// Flow (subprotocol converge.agent.v1, one JSON object per text message):
//   relay -> agent   welcome      once, first
//   relay -> agent   access       after it, to an agent that asked for it: who may enter
//   relay -> agent   grant        now and then: show this one with the next link
//   relay -> agent   dial         for each client: open a stream with this ticket
//   relay -> agent   goaway       open a new link, then close this one
//   agent -> relay   status       on change
//   agent -> relay   resumption   when a resumable stream that lost its transport came back, or did not
// A type that the receiver does not know is ignored and counted, so that versions can mix during a rollout. So is a
// dial that the agent cannot read: it fails one client, and the link stays for the others.
import { type JsonRecord, parseJson, parseRecord, recordOf } from '#shared/text/json-record.ts';
import { MAX_ACCESS_ENTRIES, MAX_ACCESS_TEXT_LENGTH } from './access.ts';
import { readAddress } from './address.ts';
import { type AuditMessage, type AuditTaken, isAuditBase64, MAX_AUDIT_TEXT_LENGTH } from './audit.ts';

/** The largest control message, in bytes. A bigger one closes the link with 1009. */
export const MAX_CONTROL_BYTES = 4096;

/** The longest string in a control message, in characters, so that none can fill a log line. */
const MAX_FIELD_LENGTH = MAX_ACCESS_TEXT_LENGTH;

export interface Welcome {
  readonly type: 'welcome';
  readonly id: string;
  /** Counts the claims of this ID: a higher one supersedes a lower one. */
  readonly epoch: number;
  /** The pod that holds the link. */
  readonly pod: string;
  /** http(s)://HOST, what people should use. */
  readonly publicUrl: string;
  /** The first grant; empty from a relay that makes none. */
  readonly grant: string;
  /** To be shown with every later link in place of a proof (PASS_HEADER); empty from a relay that gives none. */
  readonly pass: string;
  /** What is left of the time that the relay gives this agent, in milliseconds; 0: it sets no limit. */
  readonly lifetimeMs: number;
  /** True if the relay keeps a record and wants to hear what happens in the job: AuditMessage. */
  readonly audit: boolean;
  /** True if the relay has a page at `/terminal/ID` that is a client. */
  readonly terminal: boolean;
}

/** What proves to every relay of the cluster since when the agent has had its ID. Opaque to the agent. */
export interface GrantMessage {
  readonly type: 'grant';
  readonly grant: string;
}

/** Who may enter, beside whom the agent's own options name. Sent only to an agent that asked for it, and empty for nobody. */
export interface AccessMessage {
  readonly type: 'access';
  /** Public keys as lines: certificates by these count. */
  readonly authorities: readonly string[];
  /** Accounts, as `--allow` takes them. */
  readonly people: readonly string[];
}

export interface Dial {
  readonly type: 'dial';
  readonly ticket: string;
  /** IP address of the client as the relay sees it, for the agent's log and the shells. */
  readonly client: string;
  /** True if the client speaks the resumable stream. */
  readonly resumable: boolean;
}

export interface Goaway {
  readonly type: 'goaway';
  readonly reason: string;
  /** The link is closed after this many seconds. */
  readonly seconds: number;
}

export interface AgentStatus {
  readonly type: 'status';
  /** Logged-in clients. */
  readonly clients: number;
  /** Of these, resumable streams that are without a transport at the moment. */
  readonly detached: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * What became of a resumable stream that lost its transport: it came back, or not within the resume window, or its client asked
 * for one that this agent does not know (another agent had it, or it was given up).
 */
export const RESUMPTION_OUTCOMES = ['resumed', 'given_up', 'unknown_session'] as const;

/** Said once, to one relay, for its metrics. */
export interface Resumption {
  readonly type: 'resumption';
  readonly outcome: (typeof RESUMPTION_OUTCOMES)[number];
  /** How long the stream was without a transport, in milliseconds; 0 if nobody knows. */
  readonly afterMs: number;
}

export type RelayMessage = Welcome | AccessMessage | GrantMessage | Dial | Goaway | AuditTaken;
export type AgentMessage = AgentStatus | Resumption | AuditMessage;

/** What came over a control link: a message, one of another version, or none at all. */
export type Received<Message> =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'unknown'; readonly type: string }
  /** `type` is that of a message which lacks what it should carry. */
  | { readonly kind: 'malformed'; readonly detail: string; readonly type?: string };

/** Reads a message that a relay sent. Never throws. */
export function parseRelayMessage(text: string): Received<RelayMessage> {
  return parse<RelayMessage>(text, (type, fields) => {
    switch (type) {
      case 'welcome':
        return {
          type,
          id: fields.text('id'),
          epoch: fields.count('epoch'),
          pod: fields.text('pod'),
          publicUrl: fields.text('publicUrl'),
          grant: fields.optionalText('grant'),
          pass: fields.optionalText('pass'),
          lifetimeMs: fields.optionalCount('lifetimeMs'),
          audit: fields.flag('audit'),
          terminal: fields.flag('terminal'),
        };
      case 'access':
        return { type, authorities: fields.texts('authorities'), people: fields.texts('people') };
      case 'grant':
        return { type, grant: fields.text('grant') };
      case 'dial':
        return {
          type,
          ticket: fields.text('ticket'),
          client: fields.address('client'),
          resumable: fields.flag('resumable'),
        };
      case 'goaway':
        return { type, reason: fields.text('reason'), seconds: fields.count('seconds') };
      case 'audit_taken':
        return { type, seq: fields.count('seq') };
      default:
        return undefined;
    }
  });
}

/** Reads a message that an agent sent. Never throws. */
export function parseAgentMessage(text: string): Received<AgentMessage> {
  return parse<AgentMessage>(text, (type, fields) => {
    switch (type) {
      case 'status':
        return {
          type,
          clients: fields.count('clients'),
          detached: fields.count('detached'),
          expiresAt: fields.count('expiresAt'),
        };
      case 'resumption': {
        const word = fields.text('outcome');
        const outcome = RESUMPTION_OUTCOMES.find((known) => known === word);
        // A word of a newer agent is as good as a type of a newer agent.
        return outcome && { type, outcome, afterMs: fields.count('afterMs') };
      }
      case 'audit':
        return {
          type,
          seq: fields.count('seq'),
          text: fields.record('text'),
          signature: fields.base64('signature'),
          hostKey: fields.base64('hostKey'),
        };
      default:
        return undefined;
    }
  });
}

/** The text of a message. */
export function formatMessage(message: RelayMessage | AgentMessage): string {
  return JSON.stringify(message);
}

class FieldFault extends Error {}

interface Fields {
  text(name: string): string;
  /** Empty if it is not there. */
  optionalText(name: string): string;
  /** A list, MAX_ACCESS_ENTRIES at most. */
  texts(name: string): readonly string[];
  count(name: string): number;
  /** 0 if it is not there. */
  optionalCount(name: string): number;
  flag(name: string): boolean;
  address(name: string): string;
  /** The text of a JSON object, as long as an audit record may be. */
  record(name: string): string;
  base64(name: string): string;
}

function parse<Message>(
  text: string,
  read: (type: string, fields: Fields) => Message | undefined,
): Received<Message> {
  const value = parseJson(text);
  if (value === undefined) return { kind: 'malformed', detail: 'not JSON' };
  const record = recordOf(value);
  if (record === undefined) return { kind: 'malformed', detail: 'not a JSON object' };
  const type = record['type'];
  if (typeof type !== 'string') return { kind: 'malformed', detail: 'no type' };
  try {
    const message = read(type, fieldsOf(record));
    return message === undefined
      ? { kind: 'unknown', type: type.slice(0, 64) }
      : { kind: 'message', message };
  } catch (error) {
    if (error instanceof FieldFault) return { kind: 'malformed', detail: error.message, type };
    throw error;
  }
}

function fieldsOf(record: JsonRecord): Fields {
  const text = (name: string, value: unknown): string => {
    if (typeof value === 'string' && value.length <= MAX_FIELD_LENGTH) return value;
    throw new FieldFault(`${name} is not a string of at most ${MAX_FIELD_LENGTH} characters`);
  };
  const count = (name: string, value: unknown): number => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw new FieldFault(`${name} is not a whole number`);
  };
  return {
    text: (name) => text(name, record[name]),
    optionalText: (name) => text(name, record[name] ?? ''),
    texts(name) {
      const value = record[name];
      if (Array.isArray(value) && value.length <= MAX_ACCESS_ENTRIES)
        return value.map((entry) => text(name, entry));
      throw new FieldFault(`${name} is not a list of at most ${MAX_ACCESS_ENTRIES}`);
    },
    count: (name) => count(name, record[name]),
    optionalCount: (name) => count(name, record[name] ?? 0),
    flag(name) {
      const value = record[name] ?? false;
      if (typeof value === 'boolean') return value;
      throw new FieldFault(`${name} is neither true nor false`);
    },
    address(name) {
      const value = record[name];
      const address = typeof value === 'string' ? readAddress(value) : undefined;
      if (address !== undefined) return address;
      throw new FieldFault(`${name} is not an IP address`);
    },
    record(name) {
      const value = record[name];
      const isText = typeof value === 'string' && value.length <= MAX_AUDIT_TEXT_LENGTH;
      if (isText && parseRecord(value) !== undefined) return value;
      throw new FieldFault(`${name} is not a JSON object of at most ${MAX_AUDIT_TEXT_LENGTH} characters`);
    },
    base64(name) {
      const value = record[name];
      if (typeof value === 'string' && isAuditBase64(value)) return value;
      throw new FieldFault(`${name} is not base64`);
    },
  };
}
