// The operator's view in detail: refusals by minute, rows that are searched and sorted, figures as text, what a form says.
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../../../services/relay/hop/command.ts';
import {
  bytesText,
  leftText,
  momentText,
  percentText,
  spanText,
} from '../../../../services/relay/http/operator/figures.ts';
import { renderOperatorPage } from '../../../../services/relay/http/operator/operator-page.ts';
import { RecentRefusals } from '../../../../services/relay/http/operator/recent-refusals.ts';
import { type AgentRow, findRows } from '../../../../services/relay/http/operator/rows.ts';
import {
  formatViewQuery,
  MAX_PAGED_ROWS,
  readViewQuery,
} from '../../../../services/relay/http/operator/view-query.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const MINUTE_MS = 60_000;

describe('the refusals of the last hour', () => {
  test('are counted by code and minute, and forgotten after the hour', () => {
    const clock = new ManualClock(1_800_000_000_000);
    const recent = new RecentRefusals(clock);
    recent.refused('blocked');
    recent.refused('blocked');
    clock.advance(59 * MINUTE_MS);
    recent.refused('id_taken');
    recent.refused('blocked');
    expect(recent.counts().blocked).toEqual([2, ...Array<number>(58).fill(0), 1]);
    expect(recent.counts().id_taken?.at(-1)).toBe(1);
    clock.advance(MINUTE_MS);
    expect(recent.counts().blocked).toEqual([...Array<number>(58).fill(0), 1, 0]);
    clock.advance(59 * MINUTE_MS);
    expect(recent.counts()).toEqual({});
  });

  test('are right after days of quiet, and when somebody sets the clock back', () => {
    const clock = new ManualClock(1_800_000_000_000);
    const recent = new RecentRefusals(clock);
    recent.refused('blocked');
    clock.advance(3 * 24 * 60 * MINUTE_MS);
    recent.refused('blocked');
    expect(recent.counts().blocked?.reduce((sum, count) => sum + count, 0)).toBe(1);
    clock.stepWall(-10 * MINUTE_MS);
    recent.refused('blocked');
    expect(recent.counts().blocked?.at(-1)).toBe(2);
  });
});

function agentAt(index: number): AgentRow {
  return {
    id: `job-${String(index).padStart(5, '0')}`,
    pod: `pod-${index % 3}`,
    address: `10.0.${index >> 8}.${index & 255}`,
    rule: index % 2 === 0 ? 'even' : null,
    subject: index % 2 === 0 ? 'acme/app' : null,
    since: index,
    expiresAt: index % 5 === 0 ? null : 1_000_000 - index,
    clients: index % 7,
    detached: 0,
  };
}

describe('ten thousand rows', () => {
  const all = Array.from({ length: 10_000 }, (_, index) => index);

  test('are looked at once each, and only a page of them is kept', () => {
    let looks = 0;
    const query = readViewQuery({ q: 'acme pod-1', sort: 'clients', size: '25' });
    const found = findRows(
      all,
      (index) => {
        looks += 1;
        return agentAt(index);
      },
      query,
      25,
    );
    expect(looks).toBe(10_000);
    expect(found.matched).toBe(all.filter((index) => index % 6 === 4).length);
    expect(found.rows).toHaveLength(25);
    expect(found.rows.every(({ clients }) => clients === 6)).toBe(true);
  });

  test.each([
    ['age', 'asc', 'job-09999'],
    ['age', 'desc', 'job-00000'],
    ['id', 'desc', 'job-09999'],
    ['deadline', 'asc', 'job-09999'],
    ['deadline', 'desc', 'job-00000'],
    ['rule', 'asc', 'job-00001'],
    ['rule', 'desc', 'job-00000'],
    ['clients', 'desc', 'job-00006'],
  ])('sorted by %s, %s, begin with %s', (sort, dir, first) => {
    const found = findRows(all, agentAt, readViewQuery({ sort, dir }), 50);
    expect(found.rows[0]?.id).toBe(first);
  });

  test('make a page of bounded size', () => {
    const query = readViewQuery({ size: '200' });
    const { rows, matched } = findRows(all, agentAt, query, 200);
    const totals = { agents: 10_000, clients: 0, sessions: 0, refusals: 0, blocks: 0 };
    const page = renderOperatorPage({
      report: {
        pod: 'pod-0',
        at: 10_000,
        totals,
        pods: [],
        silent: [],
        limits: [],
        refusals: [],
        blocks: [],
        agents: rows.map((row) => ({ ...row, bytes: 1_024 })),
        sessions: [],
        matched,
      },
      query,
      token: 'token',
      words: { by: '', said: '', target: '' },
    });
    expect(page.match(/<tr>/g)?.length).toBe(201);
    expect(page.length).toBeLessThan(512 * 1024);
    expect(page).toContain('1 to 200 of 10,000');
  });
});

describe('a query', () => {
  test('that is odd counts as not said, and none goes beyond what is paged', () => {
    const query = readViewQuery({
      view: ['a'],
      q: ['x'],
      sort: '__proto__',
      dir: 'up',
      page: '99999',
      size: '7',
    });
    expect(query).toEqual({
      view: 'agents',
      search: '',
      sort: 'age',
      direction: 'asc',
      page: MAX_PAGED_ROWS / 50,
      size: 50,
    });
    expect(readViewQuery({ q: 'x'.repeat(1_000) }).search).toHaveLength(200);
  });

  test('comes back as it was written', () => {
    const query = readViewQuery({
      view: 'sessions',
      q: 'a&b=c',
      sort: 'sent',
      dir: 'asc',
      page: '3',
      size: '100',
    });
    const written = Object.fromEntries(new URLSearchParams(formatViewQuery(query, { page: query.page })));
    expect(readViewQuery(written)).toEqual(query);
  });
});

test('figures are short', () => {
  expect([0, 999, 1_000, 1_024 ** 2 * 9.84, 5 * 1_024 ** 4].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.0 KiB',
    '9.8 MiB',
    '5.0 TiB',
  ]);
  expect([0, 59_999, 60_000, 3_900_000, 187_200_000].map(spanText)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h 05 min',
    '2 d 4 h',
  ]);
  expect([leftText(120_000, 0), leftText(0, 1)]).toEqual(['in 2 min', 'over']);
  expect([momentText(0), momentText(Number.MAX_SAFE_INTEGER)]).toEqual(['1970-01-01 00:00 UTC', 'never']);
  expect([0.996, 1, 1.2].map(percentText)).toEqual(['99 %', '100 %', '120 %']);
});

test.each([
  '{"kind":"end_session","handle":"AAAAAAAAAAA"}',
  '{"kind":"end_session","handle":"../../../../a"}',
  '{"kind":"end_agent","id":"a/b"}',
  '{"kind":"end_target","target":"0.0.0.0/0"}',
  '{"kind":"end_target","target":"10.0.0.1/8"}',
  '{"kind":"reboot"}',
  '{"kind":["end_agent"],"id":"a"}',
  '[]',
  '',
])('%s is no command', (body) => {
  expect(parseCommand(body)).toBeUndefined();
});

test('commands are read as they were written', () => {
  expect(parseCommand('{"kind":"end_session","handle":"AAAA-AAAA_AA"}')).toEqual({
    kind: 'end_session',
    handle: 'AAAA-AAAA_AA',
  });
  expect(parseCommand('{"kind":"end_target","target":"10.0.0.0/8","more":1}')).toEqual({
    kind: 'end_target',
    target: '10.0.0.0/8',
  });
});
