// Records on their way to a relay: kept until they are taken, sent again in their order, bounded, and never over an old relay.
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AuditMessage } from '#shared/protocol/audit.ts';
import { type AgentMessage, formatMessage, parseAgentMessage } from '#shared/protocol/control-messages.ts';
import { AGENT_BUDGET, AGENT_PACE } from '#shared/websocket/link-budget.ts';
import type { JobRecord } from '../../../../services/agent/audit/job-record.ts';
import { RecordChain } from '../../../../services/agent/audit/record-chain.ts';
import {
  LAST_RECORDS_WITHIN_MS,
  MAX_UNTOLD_ASKED,
  MAX_UNTOLD_FILES,
  MAX_UNTOLD_RECORDS,
  UntoldRecords,
} from '../../../../services/agent/audit/untold-records.ts';
import { generateHostKey } from '../../../../services/agent/ssh/keys/host-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const KEY = generateHostKey();
const FORWARD = { event: 'forward', connection: 'c', direction: 'local', isAllowed: true } as const;

let clock: ManualClock;
let records: UntoldRecords;

class Link {
  readonly sent: AuditMessage[] = [];

  send(message: AgentMessage): void {
    if (message.type === 'audit') this.sent.push(message);
  }

  get events(): unknown[] {
    return this.sent.map(({ text }) => (JSON.parse(text) as { event: string }).event);
  }

  get seqs(): number[] {
    return this.sent.map(({ seq }) => seq);
  }
}

const forward = (n: number) => ({ ...FORWARD, target: `host:${n}` });
const login = (n: number) =>
  ({ event: 'login', connection: `c${n}`, address: '192.0.2.7', user: 'abc', method: 'password' }) as const;
const textOf = (message: AuditMessage | undefined): Record<string, unknown> =>
  JSON.parse(message?.text ?? '{}') as Record<string, unknown>;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  const opening = (): JobRecord => ({
    event: 'job_opened',
    since: '',
    hostKey: KEY.fingerprint,
    paths: false,
  });
  records = new UntoldRecords({ clock, chain: new RecordChain({ id: 'job', signer: KEY, clock }), opening });
});

describe('a relay that keeps no record', () => {
  test('is told nothing, and nothing is kept for it', () => {
    const link = new Link();
    records.greet(link, false);
    for (let n = 0; n < 10; n += 1) records.tell(forward(n));
    expect(link.sent).toEqual([]);
    const next = new Link();
    records.greet(next, true);
    expect(next.events).toEqual(['job_opened']);
  });

  test('between two that do leaves a gap that has its number', () => {
    const [first, second, third] = [new Link(), new Link(), new Link()];
    records.greet(first, true);
    records.taken(1);
    records.tell(forward(1));
    records.greet(second, false);
    records.tell(forward(2));
    expect(second.sent).toEqual([]);
    records.greet(third, true);
    expect(third.events).toEqual(['records_lost']);
    expect(textOf(third.sent[0])).toMatchObject({ count: 2, seq: 3 });
  });
});

test('the chain: each has its number and the hash of the one before', () => {
  const link = new Link();
  records.greet(link, true);
  for (let n = 0; n < 5; n += 1) records.tell(forward(n));
  let prev = '';
  for (const [index, message] of link.sent.entries()) {
    expect(textOf(message)).toMatchObject({ seq: index + 1, prev, id: 'job', v: 1 });
    expect(message.seq).toBe(index + 1);
    prev = createHash('sha256').update(message.text).digest('base64url');
    expect(parseAgentMessage(formatMessage(message))).toEqual({ kind: 'message', message });
  }
});

test('what was not taken goes over the next link too, the same byte for byte', () => {
  const [first, second] = [new Link(), new Link()];
  records.greet(first, true);
  for (let n = 0; n < 3; n += 1) records.tell(forward(n));
  records.taken(2);
  records.left(first);
  records.tell(forward(3));
  expect(first.seqs).toEqual([1, 2, 3, 4]);
  records.greet(second, true);
  expect(second.seqs).toEqual([3, 4, 5]);
  expect(second.sent.slice(0, 2)).toEqual(first.sent.slice(2));
});

test('an older link that goes after its successor came changes nothing', () => {
  const [first, second] = [new Link(), new Link()];
  records.greet(first, true);
  records.greet(second, true);
  records.left(first);
  records.tell(forward(1));
  expect(second.seqs).toEqual([1, 2]);
});

test('past the bound records are lost, and their number is the next record', () => {
  const [first, second] = [new Link(), new Link()];
  records.greet(first, true);
  records.taken(1);
  records.left(first);
  for (let n = 0; n < MAX_UNTOLD_RECORDS + 40; n += 1) records.tell(login(n));
  records.greet(second, true);
  clock.advance(120_000);
  expect(second.seqs).toHaveLength(MAX_UNTOLD_RECORDS);
  records.taken(MAX_UNTOLD_RECORDS + 1);
  expect(textOf(second.sent.at(-1))).toMatchObject({ event: 'records_lost', count: 40 });
});

test('whoever is in cannot push out who else came, by whatever they ask for', () => {
  const [first, second] = [new Link(), new Link()];
  records.greet(first, true);
  records.taken(1);
  records.left(first);
  const about = { connection: 'c', channel: 1 } as const;
  for (let n = 0; n < MAX_UNTOLD_RECORDS; n += 1) {
    records.tell({ event: 'program_started', ...about, what: 'command', terminal: false, isForced: false });
    records.tell({ event: 'program_ended', ...about, seconds: 0, bytes: { received: 0, sent: 0 } });
    records.tell(forward(n));
  }
  const room = MAX_UNTOLD_RECORDS - MAX_UNTOLD_ASKED;
  for (let n = 0; n < room; n += 1) records.tell(login(n));
  records.greet(second, true);
  clock.advance(120_000);
  expect(second.events.filter((event) => event === 'login')).toHaveLength(room);
  // There is room for more once a relay has them.
  records.taken(MAX_UNTOLD_RECORDS + 1);
  records.tell(forward(1));
  expect(second.events.at(-1)).toBe('forward');
});

test('files do not push out what else was asked for', () => {
  const [first, second] = [new Link(), new Link()];
  records.greet(first, true);
  records.taken(1);
  records.left(first);
  for (let n = 0; n < MAX_UNTOLD_RECORDS; n += 1)
    records.tell({ event: 'file', connection: 'c', channel: 1, request: 'open', path: `/${n}` });
  for (let n = 0; n < 10; n += 1) records.tell(forward(n));
  records.greet(second, true);
  clock.advance(120_000);
  expect(second.events.filter((event) => event === 'file').length).toBe(MAX_UNTOLD_FILES);
  expect(second.events.filter((event) => event === 'forward')).toHaveLength(10);
});

test('what a link carries stays within its budget, whatever clients do', () => {
  const { records: messages, recordBytes, resumptions, statusEveryMs } = AGENT_PACE;
  expect(messages.burst + resumptions.burst + 1).toBeLessThan(AGENT_BUDGET.messages.burst);
  expect(messages.perSecond + resumptions.perSecond + 1_000 / statusEveryMs).toBeLessThan(
    AGENT_BUDGET.messages.perSecond,
  );
  expect(recordBytes.perSecond).toBeLessThan(AGENT_BUDGET.bytes.perSecond);
  const link = new Link();
  records.greet(link, true);
  const from = clock.now();
  const sizes = (): number => link.sent.reduce((sum, message) => sum + formatMessage(message).length, 0);
  for (let n = 0; n < 2_000; n += 1) {
    records.tell({ ...FORWARD, target: `${n}`.padEnd(700, 'x') });
    records.taken(link.seqs.at(-1) ?? 0);
    clock.advance(5);
    const seconds = (clock.now() - from) / 1_000;
    expect(link.sent.length).toBeLessThanOrEqual(messages.burst + messages.perSecond * seconds);
    expect(sizes()).toBeLessThanOrEqual(recordBytes.burst + recordBytes.perSecond * seconds);
  }
  // And it uses it: large ones go at the pace of their bytes.
  const seconds = (clock.now() - from) / 1_000;
  expect(sizes()).toBeGreaterThan(recordBytes.burst + recordBytes.perSecond * seconds - 3_000);
});

describe('at the end', () => {
  test('an agent waits until the last record is taken', async () => {
    const link = new Link();
    records.greet(link, true);
    records.tell({ event: 'job_closed', reason: 'signal' });
    let isTold = false;
    const told = records.told().then(() => {
      isTold = true;
    });
    records.taken(1);
    await Promise.resolve();
    expect(isTold).toBe(false);
    records.taken(2);
    await told;
  });

  test('not for ever, and not where no relay is there', async () => {
    const link = new Link();
    records.greet(link, true);
    const told = records.told();
    clock.advance(LAST_RECORDS_WITHIN_MS);
    await told;
    records.left(link);
    await records.told();
    records.stop();
    records.stop();
    expect(clock.pending).toBe(0);
  });
});
