// The witness: which of what the core reports is an event, and who is said to have done it.
import { beforeEach, expect, test } from 'vitest';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import type { AuditEvent } from '../../../../services/relay/audit/audit-event.ts';
import { policyEventOf, witnessFor } from '../../../../services/relay/audit/witness.ts';
import type { Holder } from '../../../../services/relay/session/needs.ts';
import { type SessionRoute, SessionTable } from '../../../../services/relay/session/session-table.ts';
import { createLog, FakeRecorder } from '../../../support/relay/session-core.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

let events: AuditEvent[];
let sessions: SessionTable;
let holder: Holder | undefined;

beforeEach(() => {
  [events, holder] = [[], undefined];
  const witness = witnessFor({ record: (event) => void events.push(event) });
  const { log } = createLog();
  sessions = new SessionTable({ clock: new ManualClock(), log, recorder: new FakeRecorder(), witness });
});

function start(route: SessionRoute = 'local') {
  const [client, agent] = [new FakeStream(), new FakeStream()];
  sessions.start(client, agent, {
    id: 'job',
    client: '192.0.2.9',
    resumable: false,
    route,
    knownAt: 0,
    watch(given) {
      holder = given;
      return undefined;
    },
  });
  const drain = (): void => {
    client.read(100);
    agent.read(100);
  };
  return { client, agent, drain };
}

const END: StreamEnd = { reason: 'ended' };

test('a session over two pods is told by the pod of the client alone', () => {
  for (const route of ['local', 'waiting', 'forwarding'] as const) {
    events.length = 0;
    const { client, drain } = start(route);
    client.leave(END);
    drain();
    const told = route === 'forwarding' ? [] : ['session_started', 'session_ended'];
    expect(events.map(({ event }) => event)).toEqual(told);
  }
});

test.each<[string, (streams: ReturnType<typeof start>) => void, object]>([
  ['its client', ({ client }) => client.leave(END), { by: 'client', reason: 'ended' }],
  ['its agent', ({ agent }) => agent.leave({ reason: 'lost' }), { by: 'agent', reason: 'lost' }],
  ['an operator', () => void sessions.end(() => true), { by: 'relay', reason: 'ended_by_operator' }],
  ['a drain', () => sessions.close('restart', () => true), { by: 'relay', reason: 'restart' }],
  ['a limit', () => holder?.cut({ reason: 'over_budget' }), { by: 'relay', reason: 'over_budget' }],
])('a session that %s ends is said to be ended by that', (_who, end, said) => {
  const streams = start();
  end(streams);
  streams.drain();
  expect(events.at(-1)).toMatchObject({ event: 'session_ended', ...said });
});

test('the bytes of an ended session are those of its end, whatever is counted later', () => {
  const { client, agent, drain } = start();
  client.send(Buffer.alloc(5));
  agent.send(Buffer.alloc(3));
  drain();
  client.leave(END);
  drain();
  expect(events.at(-1)).toMatchObject({ bytes: { toAgent: 5, toClient: 3 } });
});

test('a version of the policy is an event, good or bad', () => {
  const loaded = { sha256: 'ab', rules: ['acme'] };
  expect(policyEventOf({ kind: 'loaded', ...loaded })).toEqual({ event: 'policy_loaded', ...loaded });
  expect(policyEventOf({ kind: 'rejected', faults: ['p:1: x'] })).toEqual({
    event: 'policy_rejected',
    faults: ['p:1: x'],
  });
});
