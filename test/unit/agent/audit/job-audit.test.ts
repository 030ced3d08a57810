// The audit of a job: what clients can make it say, and how much of it.
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { formatMessage, MAX_CONTROL_BYTES, parseAgentMessage } from '#shared/protocol/control-messages.ts';
import { SUMMARY_EVERY_MS } from '#shared/time/summary.ts';
import { JOB_RECORD } from '../../../../deploy/build/pages/job-schema.ts';
import {
  FIRST_FAILED_LOGINS_OF_ADDRESS,
  JobAudit,
  MAX_TOLD_TARGETS,
} from '../../../../services/agent/audit/job-audit.ts';
import type { JobRecord } from '../../../../services/agent/audit/job-record.ts';
import { RecordChain } from '../../../../services/agent/audit/record-chain.ts';
import { generateHostKey } from '../../../../services/agent/ssh/keys/host-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const LOGIN = { clientId: 'c', address: '192.0.2.1', user: 'abc', method: 'key' } as const;
const LOGOUT = { ...LOGIN, seconds: 1, reason: 'client_left', wasServed: true } as const;

let clock: ManualClock;
let told: JobRecord[];

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  told = [];
});

function auditOf(withPaths: boolean): JobAudit {
  return new JobAudit({ clock, withPaths, records: { tell: (record) => void told.push(record) } });
}

test('paths are told where the job says so, and nowhere else', () => {
  const forward = { clientId: 'c', direction: 'local', isAllowed: true, path: '/run/docker.sock' } as const;
  for (const withPaths of [false, true]) {
    const audit = auditOf(withPaths);
    audit.loggedIn(LOGIN);
    audit.asked.forward(forward);
    audit.asked.file?.({ clientId: 'c', channel: 1, request: 'open', path: '/etc/passwd' });
    expect(JSON.stringify(told).includes('docker.sock')).toBe(withPaths);
    expect(JSON.stringify(told).includes('passwd')).toBe(withPaths);
  }
});

test('each target of a connection is told once, up to a bound, and all streams are counted', () => {
  const audit = auditOf(false);
  audit.loggedIn(LOGIN);
  for (let n = 0; n < 1_000; n += 1)
    audit.asked.forward({ clientId: 'c', direction: 'local', isAllowed: true, host: 'db', port: n % 100 });
  audit.loggedOut(LOGOUT);
  expect(told.filter(({ event }) => event === 'forward')).toHaveLength(MAX_TOLD_TARGETS);
  expect(told.at(-1)).toMatchObject({ event: 'logout', forwards: 1_000 });
});

test('of many failed logins a few are told, and the number of the rest', () => {
  const audit = auditOf(false);
  for (let n = 0; n < 500; n += 1)
    audit.refused({ ...LOGIN, method: 'password', detail: 'wrong password', attempt: 1 });
  expect(told).toHaveLength(FIRST_FAILED_LOGINS_OF_ADDRESS);
  clock.advance(SUMMARY_EVERY_MS);
  const count = 500 - FIRST_FAILED_LOGINS_OF_ADDRESS;
  expect(told.at(-1)).toEqual({ event: 'logins_refused', count, addresses: { '192.0.2.1': count } });
});

test('a certificate is told with what it says and who signed it', () => {
  const certificate = {
    keyId: 'ada@laptop',
    serial: String(2n ** 64n - 1n),
    caFingerprint: 'SHA256:ca',
    principals: ['ada', 'abc'],
  };
  auditOf(false).loggedIn({
    ...LOGIN,
    method: 'certificate',
    key: { fingerprint: 'SHA256:k', comment: 'x' },
    certificate,
  });
  expect(told).toMatchObject([
    {
      method: 'certificate',
      key: 'SHA256:k',
      certificate: {
        keyId: 'ada@laptop',
        serial: '18446744073709551615',
        authority: 'SHA256:ca',
        principals: ['ada', 'abc'],
      },
    },
  ]);
});

test('whatever clients choose, each record keeps to the schema, is printable and fits into a message', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3_000 }),
    fc.string({
      unit: fc.constantFrom('"', '\\', '\u{1f600}', 'ä', '\u0000', '\u202e'),
      minLength: 500,
      maxLength: 3_000,
    }),
  );
  const chain = new RecordChain({ id: 'i'.repeat(128), signer: generateHostKey(), clock });
  fc.assert(
    fc.property(hostile, hostile, hostile, (one, two, three) => {
      told = [];
      const audit = auditOf(true);
      const certificate = {
        keyId: two,
        serial: String(2n ** 64n - 1n),
        caFingerprint: `SHA256:${'x'.repeat(43)}`,
        principals: Array.from({ length: 30 }, () => three),
      };
      const key = { fingerprint: `SHA256:${'x'.repeat(43)}`, comment: one };
      const who = { clientId: '0'.repeat(36), address: '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff' };
      audit.loggedIn({ ...who, user: one, method: 'certificate', key, certificate });
      audit.refused({ ...who, user: one, method: two, detail: three, attempt: 1 });
      audit.asked.started({
        ...who,
        channel: 1,
        what: 'command',
        command: Buffer.from(one),
        terminal: true,
        isForced: false,
      });
      audit.asked.forward({ ...who, direction: 'remote', isAllowed: false, host: one, port: 70_000 });
      audit.asked.forward({ ...who, direction: 'local', isAllowed: false, path: two });
      audit.asked.file?.({ ...who, channel: 1, request: 'rename', path: `${one} -> ${two}` });
      audit.loggedOut({ ...LOGOUT, ...who, user: one });
      expect(told).toHaveLength(7);
      for (const record of told) {
        const message = chain.add(record);
        JOB_RECORD.parse(JSON.parse(message.text));
        expect(message.text).not.toMatch(/[\p{C}\u2028\u2029]/u);
        expect(Buffer.byteLength(formatMessage(message))).toBeLessThanOrEqual(MAX_CONTROL_BYTES);
        expect(parseAgentMessage(formatMessage(message))).toEqual({ kind: 'message', message });
      }
    }),
    { numRuns: 300 },
  );
});
