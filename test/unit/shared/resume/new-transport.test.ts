// A transport between its acceptance and its first words: when it is settled what it is, and that it can be cut before.
import { beforeEach, expect, test } from 'vitest';
import { FRAME_TYPES } from '#shared/resume/frames.ts';
import { OPEN_TIMEOUT_MS, PLAIN_AFTER_MS } from '#shared/resume/limits.ts';
import type { Expectation } from '#shared/resume/new-transport.ts';
import { ResumableStreamTable } from '#shared/resume/stream-table.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { RawPeer } from '../../../support/resume/resume-peer.ts';
import { makeWire, PERFECT_WIRE } from '../../../support/resume/resume-wire.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

let clock: ManualClock;
let table: ResumableStreamTable<string>;
let kinds: string[];
let settled: number;

beforeEach(() => {
  clock = new ManualClock();
  [kinds, settled] = [[], 0];
  table = new ResumableStreamTable<string>({
    clock,
    resumeWindowMs: 120_000,
    onStream: (stream, { kind }) => {
      kinds.push(kind);
      stream.attach({ data: () => {}, drained: () => {}, ended: () => {} });
    },
    onEvent: () => {},
  });
});

function accept(expects: Expectation): { peer: RawPeer; cut: (end: StreamEnd) => void } {
  const wire = makeWire(clock, PERFECT_WIRE);
  const onSettled = (): void => {
    settled += 1;
  };
  const cut = table.accept(wire.agent, { expects, info: 'test', onSettled });
  return { peer: new RawPeer(wire.client), cut };
}

test.each<[string, Expectation, (peer: RawPeer) => void, string[]]>([
  ['its relay says that it is plain', 'plain', () => {}, ['plain']],
  ['it begins as SSH does', 'unknown', (peer) => peer.send(Buffer.from('SSH-2.0-x\r\n')), ['plain']],
  [
    'it says nothing where a banner may be waited for',
    'unknown',
    () => clock.advance(PLAIN_AFTER_MS),
    ['plain'],
  ],
  ['it opens a stream', 'resume', (peer) => peer.open('new'), ['resumable']],
  ['it asks for a stream of nobody', 'resume', (peer) => peer.open('resume'), []],
  ['it is silent for too long', 'resume', () => clock.advance(OPEN_TIMEOUT_MS), []],
  [
    'its OPEN stays a beginning',
    'resume',
    (peer) => {
      peer.send(Buffer.from([FRAME_TYPES.open]));
      clock.advance(OPEN_TIMEOUT_MS);
    },
    [],
  ],
  ['it breaks off', 'resume', (peer) => peer.cut(), []],
  ['the agent ends', 'resume', () => table.stop({ reason: 'expired' }), []],
])('is settled, once, when %s', (_what, expects, act, expected) => {
  const { peer, cut } = accept(expects);
  act(peer);
  clock.advance(0);
  expect(settled).toBe(1);
  expect(kinds).toEqual(expected);
  cut({ reason: 'fault' });
  clock.advance(2 * OPEN_TIMEOUT_MS);
  expect(settled).toBe(1);
});

test('is not settled by the beginning of an OPEN', () => {
  const { peer } = accept('resume');
  peer.send(Buffer.from([FRAME_TYPES.open]));
  clock.advance(OPEN_TIMEOUT_MS - 1);
  expect(settled).toBe(0);
});

test.each([[Buffer.alloc(0)], [Buffer.from([FRAME_TYPES.open])]])(
  'is cut before, after %j, and then nothing of it is left',
  (said) => {
    const { peer, cut } = accept('resume');
    if (said.length > 0) peer.send(said);
    clock.advance(0);
    cut({ reason: 'fault' });
    clock.advance(0);
    expect(peer.end).toBeDefined();
    expect(settled).toBe(1);
    expect(clock.pending).toBe(0);
  },
);

test('a stream is not cut by what would have cut its transport before', () => {
  const { peer, cut } = accept('resume');
  peer.open('new');
  clock.advance(0);
  cut({ reason: 'fault' });
  clock.advance(0);
  expect(peer.end).toBeUndefined();
  expect(table.counts.streams).toBe(1);
});

test('what comes after the end is settled at once', () => {
  table.stop({ reason: 'expired' });
  accept('resume');
  expect(settled).toBe(1);
});
