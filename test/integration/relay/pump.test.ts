// Which sessions of a relay the native pump has, and which go on in JavaScript.
import { expect, test } from 'vitest';
import { openAgent, openAgentStream, socketOf } from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { openClientStream, type RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { RecordingSink } from '../../support/stream/recording-sink.ts';
import { until } from '../../support/time/poll.ts';

/** A session of the client that people have; the agent's end speaks ws, which masks at random. */
async function openSession(running: RunningRelay) {
  const agent = await openAgent(running.port, 'job');
  const asking = openClientStream(running.port, 'job');
  const { ticket } = await agent.dial();
  const stream = socketOf(await openAgentStream(running.port, 'job', ticket));
  const outcome = await asking;
  if (outcome.kind !== 'open') throw new Error(`not open: ${outcome.kind}`);
  const sink = new RecordingSink();
  outcome.stream.attach(sink);
  let received = '';
  stream.on('message', (data: Buffer) => {
    received += data.toString();
  });
  stream.resume();
  return { agent, client: outcome.stream, sink, stream, received: () => received };
}

const native = (running: RunningRelay) => running.metric('converge_sessions_native');

test('a session is in the pump from its start, until a peer masks at random; it loses nothing by that', async () => {
  const running = await openRelay();
  using session = disposable(await openSession(running));
  session.client.write(Buffer.from('to the agent'));
  await until('it has come', () => session.received() === 'to the agent');
  expect(await native(running)).toBe(1);
  session.stream.send(Buffer.from('to the client'));
  await until('it has come', () => session.sink.text === 'to the client');
  expect(await native(running)).toBe(0);
  session.client.write(Buffer.from(', and more'));
  await until('it has come', () => session.received() === 'to the agent, and more');
  expect(await running.metric('converge_sessions')).toBe(1);
  expect(await running.metric('converge_stream_bytes_total')).toBeGreaterThan(0);
});

test('PUMP=javascript leaves all sessions to JavaScript', async () => {
  const running = await openRelay({ env: { PUMP: 'javascript' } });
  using session = disposable(await openSession(running));
  session.client.write(Buffer.from('to the agent'));
  await until('it has come', () => session.received() === 'to the agent');
  expect(await native(running)).toBe(0);
});

test('a session that has ended is in it no more', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  {
    using pair = await joinPair(running.port, agent, 'job');
    expect(await native(running)).toBe(1);
    pair.client.resume();
  }
  await until('it is over', async () => (await running.metric('converge_sessions')) === 0);
  expect(await native(running)).toBe(0);
});

function disposable<Session extends { agent: Disposable; client: { cut(end: { reason: 'ended' }): void } }>(
  session: Session,
): Session & Disposable {
  return {
    ...session,
    [Symbol.dispose]: () => {
      session.client.cut({ reason: 'ended' });
      session.agent[Symbol.dispose]();
    },
  };
}
