// The trail: what is written, what is counted in place of being written, and what is said about lines that got lost.
import * as fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { MAX_SUMMARY_KINDS, SUMMARY_EVERY_MS } from '#shared/time/summary.ts';
import type { AuditEvent } from '../../../../services/relay/audit/audit-event.ts';
import {
  auditLineOf,
  MAX_AUDIT_LINE_BYTES,
  MAX_LINE_TEXT_LENGTH,
} from '../../../../services/relay/audit/audit-line.ts';
import type { AuditSink, SinkEvents } from '../../../../services/relay/audit/audit-sink.ts';
import {
  AuditTrail,
  FIRST_REFUSALS,
  FIRST_REFUSALS_OF_ADDRESS,
} from '../../../../services/relay/audit/audit-trail.ts';
import { REFUSALS } from '../../../../services/shared/protocol/refusals.ts';
import { type Line, readAuditLines } from '../../../support/audit/audit-file.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const UNLINKED = {
  event: 'agent_unlinked',
  id: 'job',
  epoch: 1,
  address: '192.0.2.1',
  reason: 'lost',
  seconds: 2,
} as const;

let clock: ManualClock;
let written: string;
let hasRoom: boolean;
let events: SinkEvents;
let lost: number;
let logged: string[];
let left: number;
let trail: AuditTrail;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  [written, hasRoom, lost, logged, left] = ['', true, 0, [], 0];
  const log = (_fields: object, message: string): void => void logged.push(message);
  trail = new AuditTrail({
    pod: 'pod-a',
    clock,
    log: { info: log, warn: log, error: log },
    recorder: {
      auditRecorded: () => undefined,
      auditLost(count) {
        lost += count;
      },
      auditFailed: () => undefined,
    },
    sink(given): AuditSink {
      events = given;
      return {
        waitingBytes: 0,
        reopen: () => undefined,
        close: () => Promise.resolve(left),
        write(line) {
          if (hasRoom) written += line;
          return hasRoom;
        },
      };
    },
  });
});

const lines = (): readonly Line[] => readAuditLines(written);

function refuse(address: string, count = 1): void {
  for (let n = 0; n < count; n += 1)
    trail.record({ event: 'refused', role: 'agent', id: 'x', address, code: 'id_taken', message: 'no' });
}

test('a line says what, when and where, and that it is one of the record', () => {
  trail.record(UNLINKED);
  expect(lines()).toEqual([
    { audit: true, v: 1, time: '2026-11-29T00:00:00.000Z', pod: 'pod-a', ...UNLINKED },
  ]);
});

test('of a flood of refusals a few have a line, and the rest is one line with its number', () => {
  refuse('192.0.2.1', 1_000);
  for (let n = 2; n < 200; n += 1) refuse(`192.0.2.${n}`);
  expect(lines().filter(({ address }) => address === '192.0.2.1')).toHaveLength(FIRST_REFUSALS_OF_ADDRESS);
  expect(lines()).toHaveLength(FIRST_REFUSALS);
  clock.advance(SUMMARY_EVERY_MS);
  const more = lines().slice(FIRST_REFUSALS);
  expect(more).toMatchObject([
    { event: 'refused_more', code: 'id_taken', count: 1_000 + 198 - FIRST_REFUSALS },
  ]);
  expect(more[0]?.['addresses']).toMatchObject({ '192.0.2.1': 1_000 - FIRST_REFUSALS_OF_ADDRESS });
});

test('each code is counted by itself', () => {
  expect(Object.keys(REFUSALS).length).toBeLessThanOrEqual(MAX_SUMMARY_KINDS);
});

test('what was counted is written at the end', async () => {
  refuse('192.0.2.1', FIRST_REFUSALS_OF_ADDRESS + 5);
  await trail.close();
  expect(lines().at(-1)).toMatchObject({ event: 'refused_more', count: 5 });
});

test('lines that find no room are counted, and the record says so before it goes on', () => {
  trail.record(UNLINKED);
  hasRoom = false;
  for (let n = 0; n < 3; n += 1) {
    clock.advance(1_000);
    trail.record(UNLINKED);
  }
  expect(lost).toBe(3);
  clock.advance(1_000);
  hasRoom = true;
  trail.record(UNLINKED);
  expect(lines().map(({ event }) => event)).toEqual(['agent_unlinked', 'audit_lost', 'agent_unlinked']);
  expect(lines()[1]).toMatchObject({
    count: 3,
    since: '2026-11-29T00:00:01.000Z',
    until: '2026-11-29T00:00:03.000Z',
  });
  expect(lost).toBe(3);
});

test('it says so also when nothing else happens', () => {
  hasRoom = false;
  trail.record(UNLINKED);
  hasRoom = true;
  events.onRoom();
  expect(lines()).toMatchObject([{ event: 'audit_lost', count: 1 }]);
});

test('so it does for what an endpoint did not want, and for what is left at the end', async () => {
  events.onLost(7);
  left = 2;
  await Promise.all([trail.close(), trail.close()]);
  expect(lines()).toMatchObject([{ event: 'audit_lost', count: 7 }]);
  expect(lost).toBe(9);
  expect(logged).toEqual(['audit lines lost at the end: nobody took them in time']);
});

test('an outage is in the log once, and its end', () => {
  for (let n = 0; n < 3; n += 1) events.onFailure('ENOSPC');
  events.onRecovered();
  events.onFailure('ENOSPC');
  expect(logged).toEqual([
    'audit lines not written: trying again',
    'audit lines are written again',
    'audit lines not written: trying again',
  ]);
});

test('whoever records something never fails over it', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  trail.record({ ...UNLINKED, reason: circle as unknown as string });
  expect(lost).toBe(1);
});

test('no text of strangers makes a line long, a line two lines, or a line that a terminal obeys', () => {
  const place = { pod: 'pod-a', at: 0 };
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (message) => {
      const event: AuditEvent = {
        event: 'refused',
        role: 'other',
        id: undefined,
        address: 'x',
        code: 'not_found',
        message,
      };
      const line = auditLineOf(event, place);
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect((JSON.parse(line) as { message: string }).message.length).toBeLessThanOrEqual(
        MAX_LINE_TEXT_LENGTH,
      );
    }),
  );
  const faults = Array.from({ length: 10_000 }, () => '\u{1f600}'.repeat(500));
  const long = auditLineOf({ event: 'policy_rejected', faults }, place);
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(MAX_AUDIT_LINE_BYTES);
});
