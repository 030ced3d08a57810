// The sessions of a pod: joined, counted, logged once, closed by choice.
import { expect, test } from 'vitest';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import { type SessionRoute, SessionTable } from '../../../../services/relay/session/session-table.ts';
import { createLog, FakeRecorder } from '../../../support/relay/session-core.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle } from '../../../support/time/poll.ts';

function open() {
  const clock = new ManualClock();
  const recorder = new FakeRecorder();
  const { log, lines } = createLog();
  const sessions = new SessionTable({ clock, log, recorder });
  const start = (resumable = false, route: SessionRoute = 'local') => {
    const client = new FakeStream();
    const agent = new FakeStream();
    const knownAt = clock.now() - 250;
    const session = sessions.start(client, agent, {
      id: 'job',
      client: '192.0.2.9',
      resumable,
      route,
      knownAt,
    });
    return { client, agent, session };
  };
  return { clock, recorder, lines, sessions, start };
}

test('a session is counted with its set-up time, its bytes and its end, in one line', () => {
  const { clock, recorder, lines, sessions, start } = open();
  const { client, agent, session } = start(true);
  expect([...sessions]).toEqual([session]);
  client.send(Buffer.from('12345'));
  agent.send(Buffer.from('123'));
  expect(session.bytes).toEqual({ toAgent: 5, toClient: 3 });
  clock.advance(1_500);
  client.read(10);
  agent.leave({ reason: 'ended', detail: 'exit' });
  expect(client.closes).toEqual([{ reason: 'ended' }]);
  agent.read(10);
  expect(recorder.calls).toEqual([
    ['sessionStarted', 'local', 0.25],
    ['sessionEnded', 'local', 'ended', 1.5],
  ]);
  expect(lines.filter(({ message }) => message === 'session ended')).toMatchObject([
    {
      fields: {
        id: 'job',
        client: '192.0.2.9',
        resumable: true,
        reason: 'ended',
        by: 'agent',
        toAgent: 5,
        toClient: 3,
        seconds: 1.5,
      },
    },
  ]);
  expect(sessions.size).toBe(0);
  expect(sessions.totals.local).toEqual({ toAgent: 5, toClient: 3 });
});

test('sessions and bytes are counted by route, so that those over a hop can be counted once', () => {
  const { recorder, sessions, start } = open();
  start();
  const waiting = start(false, 'waiting');
  const forwarding = start(false, 'forwarding');
  waiting.client.send(Buffer.from('12345'));
  forwarding.agent.send(Buffer.from('123'));
  expect(sessions.counts).toEqual({ local: 1, waiting: 1, forwarding: 1 });
  expect(sessions.totals).toEqual({
    local: { toAgent: 0, toClient: 0 },
    waiting: { toAgent: 5, toClient: 0 },
    forwarding: { toAgent: 0, toClient: 3 },
  });
  waiting.client.leave({ reason: 'ended' });
  waiting.agent.read(10);
  expect(sessions.counts.waiting).toBe(0);
  expect(recorder.calls.at(-1)).toEqual(['sessionEnded', 'waiting', 'ended', 0]);
});

test.each<[CloseReason, 'client' | 'agent', CloseReason]>([
  ['lost', 'client', 'going_away'],
  ['lost', 'agent', 'agent_gone'],
  ['unanswered_ping', 'client', 'going_away'],
  ['unanswered_ping', 'agent', 'agent_gone'],
  ['stuck', 'agent', 'agent_gone'],
  ['text_on_stream', 'client', 'going_away'],
  ['too_big', 'agent', 'going_away'],
  ['ended', 'client', 'ended'],
  ['expired', 'agent', 'expired'],
  ['restart', 'agent', 'restart'],
])('%s of the %s is told to the other end as %s, and counted as it was', (reason, by, told) => {
  const { recorder, start } = open();
  const streams = start();
  const other = by === 'client' ? streams.agent : streams.client;
  streams[by].leave({ reason });
  expect(other.closes).toEqual([{ reason: told }]);
  expect(recorder.calls.at(-1)).toEqual(['sessionEnded', 'local', reason, 0]);
});

test('close picks sessions, and those end on both sides', () => {
  const { sessions, start, recorder } = open();
  const plain = start(false);
  const resumable = start(true);
  sessions.close('restart', (session) => session.resumable);
  expect(resumable.client.closes).toEqual([{ reason: 'restart' }]);
  expect(resumable.agent.closes).toEqual([{ reason: 'restart' }]);
  expect(plain.client.closes).toEqual([]);
  expect([...sessions]).toEqual([plain.session]);
  expect(recorder.calls.filter(([name]) => name === 'sessionEnded')).toEqual([
    ['sessionEnded', 'local', 'restart', 0],
  ]);
});

test('a session is there until both ends are done', () => {
  const { sessions, start } = open();
  const { client, agent } = start();
  client.send(Buffer.from('unread'));
  client.leave({ reason: 'ended' });
  expect(sessions.size).toBe(1);
  agent.read(100);
  expect(sessions.size).toBe(0);
});

test('empty() resolves when the last session has ended, for everybody who asked', async () => {
  const { sessions, start } = open();
  await sessions.empty();
  const first = start();
  const second = start();
  let done = 0;
  const count = (): void => {
    done += 1;
  };
  void sessions.empty().then(count);
  void sessions.empty().then(count);
  first.client.leave({ reason: 'ended' });
  await settle();
  expect(done).toBe(0);
  second.client.leave({ reason: 'ended' });
  await settle();
  expect(done).toBe(2);
});
