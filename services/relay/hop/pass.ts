// Passes: what a relay gives to whoever its policy has let in, so that a re-dial needs no second proof. Pods make and believe
// them; no pod keeps them. Beside it lies the grant (grant.ts), which proves since when an agent has had its ID.
//
// Why not the proof itself again: a CI system's token is good for minutes, and a job for hours. A lost link, a rollout or a
// resumption must not end because of that.
import { MAX_PASS_CHARACTERS } from '#shared/protocol/identity.ts';
import { type JsonRecord, parseRecord, recordOf } from '#shared/text/json-record.ts';
import type { Admittance } from '../session/needs.ts';
import type { ClusterKey } from './cluster-key.ts';

/** Whom a pass is for: it is worthless for anybody else. */
export interface PassHolder {
  readonly role: 'agent' | 'client';
  readonly id: string;
  /** The SHA-256 of the agent's claim, which every link shows; empty for a client. */
  readonly claimHash: string;
}

/** What a pass says. */
export interface PassFacts {
  readonly admittance: Admittance;
  /** When its holder was first let in, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Of the rule as it was then (policy/rule-digest.ts): under the same name it may ask for more by now. */
  readonly digest: string;
}

/** The passes of one cluster. */
export interface Passes {
  make(holder: PassHolder, facts: PassFacts): string;
  /** What `text` says; undefined if this cluster did not make it, or made it for somebody else. */
  read(holder: PassHolder, text: string): PassFacts | undefined;
}

const PASS_PATTERN = /^([A-Za-z0-9_-]{1,980})\.([A-Za-z0-9_-]{43})$/;

/** In characters, which JSON may write with six bytes each: more than this does not fit with all the rest. */
const MAX_SUBJECT_CHARACTERS = 96;

const KINDS: readonly string[] = [
  'oidc',
  'token',
  'key',
  'certificate',
  'sso',
  'network',
] satisfies Admittance['kind'][];

export function passesOf(key: ClusterKey): Passes {
  return {
    make(holder, facts) {
      const body = packed(facts);
      return `${body}.${key.sign('pass', textOf(holder, body))}`;
    },
    read(holder, text) {
      const [, body = '', signature = ''] = PASS_PATTERN.exec(text) ?? [];
      if (!key.verify('pass', textOf(holder, body), signature)) return undefined;
      return unpacked(parseRecord(Buffer.from(body, 'base64url').toString('utf8')));
    },
  };
}

/** The facts in what room there is: the last ones are left out where all would be too long. */
function packed({ admittance, since, digest }: PassFacts): string {
  const { rule, kind } = admittance;
  const subject = admittance.subject.slice(0, MAX_SUBJECT_CHARACTERS);
  const facts = Object.entries(admittance.facts);
  for (;;) {
    const record = { rule, kind, subject, since, digest, facts: Object.fromEntries(facts) };
    const body = Buffer.from(JSON.stringify(record)).toString('base64url');
    if (body.length + 44 <= MAX_PASS_CHARACTERS || facts.length === 0) return body;
    facts.pop();
  }
}

function unpacked(record: JsonRecord | undefined): PassFacts | undefined {
  const { rule, kind, subject, since, digest, facts } = record ?? {};
  const known = recordOf(facts);
  if (typeof rule !== 'string' || typeof subject !== 'string' || typeof since !== 'number') return undefined;
  if (typeof digest !== 'string') return undefined;
  if (typeof kind !== 'string' || !KINDS.includes(kind) || known === undefined) return undefined;
  const admittance = { rule, kind: kind as Admittance['kind'], subject, facts: known as Admittance['facts'] };
  return { admittance, since, digest };
}

function textOf({ role, id, claimHash }: PassHolder, body: string): string {
  return JSON.stringify([role, id, claimHash, body]);
}
