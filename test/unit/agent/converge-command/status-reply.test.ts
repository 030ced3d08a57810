// What `converge status` answers, for people and for programs, whatever those who are in call themselves.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Untrusted } from '#shared/text/untrusted.ts';
import { formatLine, MAX_REPLY_BYTES } from '../../../../services/agent/converge-command/request.ts';
import {
  type AgentFacts,
  MAX_TOLD_CLIENTS,
  type PresentPerson,
  statusJsonReply,
  statusReply,
} from '../../../../services/agent/converge-command/status-reply.ts';
import { DEADLINE_CAUSES } from '../../../../services/agent/expiry/expiry.ts';

const NOW = 1_700_000_000_000;
const FINGERPRINT = `SHA256:${'x'.repeat(43)}`;

const EXPIRY = {
  clients: 2,
  deadline: NOW + 600_000,
  remainingMs: 600_000,
  lastDeadline: NOW + 20_000_000,
  isHeld: true,
  heldBy: 'file',
  cause: 'hold',
  isCapped: false,
  isRelayFirst: false,
  isJobRunning: false,
} as const;

const ADA: PresentPerson = {
  user: new Untrusted('abc'),
  address: '192.0.2.7',
  since: NOW - 720_000,
  credential: { kind: 'key', fingerprint: FINGERPRINT, comment: new Untrusted('ada@laptop') },
  isDetached: false,
  shells: 2,
  commands: 0,
  fileTransfers: 0,
  forwards: 1,
};

const GRACE: PresentPerson = {
  ...ADA,
  address: '2001:db8::17',
  since: NOW - 400,
  credential: { kind: 'password' },
  isDetached: true,
  shells: 0,
  commands: 1,
  fileTransfers: 2,
  forwards: 0,
};

const CERTIFIED: PresentPerson = {
  ...ADA,
  credential: {
    kind: 'certificate',
    fingerprint: FINGERPRINT,
    keyId: new Untrusted('grace hopper'),
    serial: '7',
    caFingerprint: FINGERPRINT,
  },
  shells: 0,
  forwards: 0,
};

const FACTS: AgentFacts = {
  id: 'job-1',
  publicUrl: 'https://relay.example.org',
  isRelayConnected: true,
  people: [ADA, GRACE, CERTIFIED],
  password: { kind: 'on', failures: 3 },
  expiry: EXPIRY,
};

describe('the status for people', () => {
  test('says who is in, since when, by what, what they do, what holds and when it ends', () => {
    expect(statusReply(FACTS, NOW).text).toMatchInlineSnapshot(`
      "id       job-1
      relay    https://relay.example.org (connected)
      clients  3 logged in, 1 of them without a connection at the moment
               abc from 192.0.2.7 since 22:01 UTC (12 minutes): 2 shells, 1 forward
                 by key SHA256:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
                 (ada@laptop)
               abc from 2001:db8::17 since 22:13 UTC (less than a second): 1
                 command, 2 file transfers; without a connection at the moment
                 by the password
               abc from 192.0.2.7 since 22:01 UTC (12 minutes): nothing runs
                 by certificate "grace hopper" (serial 7) by
                 SHA256:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx for key
                 SHA256:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      password on, after 3 of 100 wrong ones
      hold     held by .hold, also when everybody leaves
      ends     22:23 UTC (in 10 minutes), by the hold
               never after 2023-11-15 03:46 UTC"
    `);
  });

  test.each([
    [{ heldBy: undefined, cause: 'start' }, /hold {5}none: .*\nends .*, counted from the start\n/],
    [{ heldBy: undefined, cause: 'activity' }, /ends .*, counted from the last activity\n/],
    [{ heldBy: 'memory', cause: 'hold' }, /hold {5}held without \.hold, which cannot be written/],
    [{ cause: 'max_lifetime' }, /ends .*, the longest lifetime\n/],
    [{ cause: 'relay_lifetime', isRelayFirst: true }, /ends .*, the time that the relay gives\n/],
  ] as const)('says why it ends then: %j', (expiry, text) => {
    expect(statusReply({ ...FACTS, expiry: { ...EXPIRY, ...expiry } }, NOW).text).toMatch(text);
  });

  test('says so while the relay is away, and when the agent has ended', () => {
    expect(statusReply({ ...FACTS, isRelayConnected: false }, NOW).text).toContain(
      '(not connected, dialling again)',
    );
    for (const reply of [statusReply, statusJsonReply]) {
      expect(reply({ ...FACTS, expiry: undefined }, NOW).exitCode).toBe(1);
    }
  });

  test('is 80 columns wide, and holds nothing that a terminal obeys', () => {
    fc.assert(
      fc.property(someone(), fc.nat(400_000_000), (person, since) => {
        const people = [{ ...person, since: NOW - since }];
        for (const line of statusReply({ ...FACTS, people }, NOW).text.split('\n')) {
          expect(line.length).toBeLessThanOrEqual(80);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }),
    );
  });
});

describe('the status for programs', () => {
  test('is what docs/status.md says, field by field', () => {
    const value = JSON.parse(statusJsonReply(FACTS, NOW).text) as Record<string, unknown>;
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/status.md'), 'utf8');
    const documented = [...page.matchAll(/^\| `([\w.[\]]+)` \|/gm)].map(([, name]) => name);
    expect(new Set(documented)).toEqual(new Set(namesOf(value)));
    for (const cause of DEADLINE_CAUSES) expect(page).toContain(`\`${cause}\``);
    const block = /```json\n(.*?)```/s.exec(page)?.[1] ?? '';
    expect(JSON.parse(block)).toEqual(value);
  });

  test('fits into one answer when as many as can be told have the longest names', () => {
    const long = new Untrusted('\\'.repeat(4_000));
    const person: PresentPerson = { ...CERTIFIED, user: long, address: 'f'.repeat(64) };
    const credential = { ...CERTIFIED.credential, keyId: long, serial: '9'.repeat(20) } as const;
    const people = Array.from({ length: 3 * MAX_TOLD_CLIENTS }, () => ({ ...person, credential }));
    for (const reply of [statusReply, statusJsonReply]) {
      expect(Buffer.byteLength(formatLine(reply({ ...FACTS, people }, NOW)))).toBeLessThan(MAX_REPLY_BYTES);
    }
    const { clients, people: told } = JSON.parse(statusJsonReply({ ...FACTS, people }, NOW).text) as {
      clients: number;
      people: unknown[];
    };
    expect([clients, told.length]).toEqual([3 * MAX_TOLD_CLIENTS, MAX_TOLD_CLIENTS]);
    expect(statusReply({ ...FACTS, people }, NOW).text).toContain(`and ${2 * MAX_TOLD_CLIENTS} more`);
  });
});

/** Each field by its path, `people[].by.key`. */
function namesOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((each) => namesOf(each, `${path}[]`)))];
  if (typeof value !== 'object' || value === null) return path === '' ? [] : [path];
  const names = Object.entries(value).flatMap(([name, inner]) =>
    namesOf(inner, path === '' ? name : `${path}.${name}`),
  );
  return [...new Set(names)];
}

function someone(): fc.Arbitrary<PresentPerson> {
  const text = fc.string({ unit: 'binary', maxLength: 200 }).map((raw) => new Untrusted(raw));
  return fc.tuple(text, text, fc.constantFrom(ADA, GRACE, CERTIFIED)).map(([user, name, person]) => {
    const { credential } = person;
    if (credential.kind === 'key') return { ...person, user, credential: { ...credential, comment: name } };
    if (credential.kind !== 'certificate') return { ...person, user };
    return { ...person, user, credential: { ...credential, keyId: name } };
  });
}
