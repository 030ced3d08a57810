// Sessions through a real relay, with good and bad peers on both ends.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { CLAIM_HEADER } from '#shared/protocol/claim.ts';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { MAX_FRAME_BYTES } from '#shared/websocket/frame-parser.ts';
import { PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { MAX_EARLY_BYTES } from '../../../services/relay/http/route/waiting-socket.ts';
import {
  AGENT_DIAL_TIMEOUT_MS,
  MAX_PENDING_DIALS_PER_AGENT,
} from '../../../services/relay/session/pending-dials.ts';
import { closeOf, openAgent, openAgentStream, socketOf, textOf } from '../../support/relay/fake-agent.ts';
import { type JoinedPair, joinPair } from '../../support/relay/joined-pair.ts';
import { handshakeText, openClient, openRaw, type RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { settle, until } from '../../support/time/poll.ts';

/** Checks that one session ended for `reason`, in the metrics and in one line of the log. */
async function expectEnded({ metric, log }: RunningRelay, reason: string, fields: object): Promise<void> {
  await until(
    `a session ended for ${reason}`,
    async () => (await metric(`converge_sessions_ended_total{reason="${reason}"}`)) === 1,
  );
  const lines = log.filter(({ msg, reason: word }) => msg === 'session ended' && word === reason);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject(fields);
}

/** Checks that bytes still come through both ways. */
async function expectAlive({ client, stream }: JoinedPair): Promise<void> {
  const atClient = textOf(client);
  const atAgent = textOf(stream);
  client.resume();
  stream.resume();
  client.send(Buffer.from('ping'));
  stream.send(Buffer.from('pong'));
  await until('bytes both ways', () => atAgent() === 'ping' && atClient() === 'pong');
}

test('bytes go both ways, are counted, and an end is told to the other side', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  using session = await joinPair(running.port, agent, 'job');
  await expectAlive(session);
  expect(await running.metric('converge_sessions')).toBe(1);
  const closed = closeOf(session.client);
  session.stream.send(Buffer.from('last words'));
  session.stream.close(1000, 'ended');
  expect(await closed).toEqual({ code: 1000, reason: 'ended' });
  await expectEnded(running, 'ended', {
    id: 'job',
    client: '127.0.0.1',
    by: 'agent',
    toAgent: 4,
    toClient: 14,
  });
  expect(await running.metric('converge_sessions')).toBe(0);
  expect(await running.metric('converge_stream_bytes_total{direction="to_agent"}')).toBe(4);
  expect(await running.metric('converge_stream_bytes_total{direction="to_client"}')).toBe(14);
});

test.each([
  [[RESUME, STREAM], RESUME, true],
  [[STREAM], STREAM, false],
  [[], '', false],
])('a client that offers %j gets %j', async (protocols, chosen, resumable) => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  using session = await joinPair(running.port, agent, 'job', { protocols });
  expect(session.client.protocol).toBe(chosen);
  expect(await agent.dial()).toMatchObject({ resumable });
});

test.each([
  [
    'text',
    'text_on_stream',
    1003,
    (socket: WebSocket) => {
      socket.send('hello');
    },
  ],
  [
    'a frame over the limit',
    'too_big',
    1009,
    (socket: WebSocket) => {
      socket.send(Buffer.alloc(MAX_FRAME_BYTES + 1));
    },
  ],
] as const)('%s ends the session, on either side, and no other one', async (_, reason, code, misbehave) => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  using other = await joinPair(running.port, agent, 'job');
  using session = await joinPair(running.port, agent, 'job');
  session.client.resume();
  session.stream.resume();
  const [atClient, atAgent] = [closeOf(session.client), closeOf(session.stream)];
  misbehave(session.client);
  expect((await atClient).code).toBe(code);
  expect((await atAgent).code).toBe(1001);
  await expectEnded(running, reason, { id: 'job', by: 'client' });
  await expectAlive(other);
});

test('an agent stream that sends text ends its session with 1003', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  using session = await joinPair(running.port, agent, 'job');
  session.client.resume();
  session.stream.resume();
  const [atClient, atAgent] = [closeOf(session.client), closeOf(session.stream)];
  session.stream.send('hello');
  expect((await atAgent).code).toBe(1003);
  expect((await atClient).code).toBe(1001);
  await expectEnded(running, 'text_on_stream', { by: 'agent' });
});

test('what a client sends before its handshake is answered reaches the agent first', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  const frame = (text: string): Buffer =>
    Buffer.concat([Buffer.from([0x82, 0x80 + text.length, 0, 0, 0, 0]), Buffer.from(text)]);
  using peer = await openRaw(running.port, handshakeText('/client/job'));
  const { ticket } = await agent.dial();
  peer.socket.write(frame('early, '));
  await settle();
  peer.socket.write(frame('earlier '));
  await until('it was sent', () => peer.socket.writableLength === 0);
  const stream = socketOf(await openAgentStream(running.port, 'job', ticket));
  const received = textOf(stream);
  stream.resume();
  await until('the answer', () => peer.received().includes('101 Switching Protocols'));
  peer.socket.write(frame('and late'));
  await until('all of it, in order', () => received() === 'early, earlier and late');
  stream.terminate();
});

test('what a client sends before its handshake is answered is bounded', async () => {
  const running = await openRelay({ clock: new ManualClock() });
  using agent = await openAgent(running.port, 'job');
  using peer = await openRaw(running.port, handshakeText('/client/job'));
  await agent.dial();
  peer.socket.write(Buffer.alloc(MAX_EARLY_BYTES));
  await until('it is sent', () => peer.socket.writableLength === 0);
  expect(await running.metric('converge_pending_dials')).toBe(1);
  peer.socket.write(Buffer.alloc(1));
  expect(await peer.closed).toBe('');
  expect(await running.metric('converge_pending_dials')).toBe(0);
});

test('an agent that is told to dial and does not costs the client 504, after the dial time', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using agent = await openAgent(running.port, 'lazy');
  const asking = openClient(running.port, 'lazy');
  const { ticket } = await agent.dial();
  expect(await running.metric('converge_pending_dials')).toBe(1);
  clock.advance(AGENT_DIAL_TIMEOUT_MS);
  expect(await asking).toMatchObject({
    kind: 'refused',
    status: 504,
    refusal: { code: 'agent_unresponsive' },
  });
  expect(await openAgentStream(running.port, 'lazy', ticket)).toMatchObject({ kind: 'refused', status: 401 });
  expect(await running.metric('converge_refusals_total{code="agent_unresponsive"}')).toBe(1);
  expect(
    running.log.filter(({ msg, code }) => msg === 'request refused' && code === 'agent_unresponsive'),
  ).toHaveLength(1);
  expect(await running.metric('converge_pending_dials')).toBe(0);
  expect(agent.socket.readyState).toBe(agent.socket.OPEN);
});

test('a client that leaves while it waits is forgotten, logged and counted', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  using peer = await openRaw(running.port, handshakeText('/client/job'));
  const { ticket } = await agent.dial();
  peer.socket.destroy();
  await until('it is counted', async () => (await running.metric('converge_clients_left_total')) === 1);
  expect(running.log.filter(({ msg }) => msg === 'client left while waiting')).toHaveLength(1);
  expect(await running.metric('converge_pending_dials')).toBe(0);
  expect(await openAgentStream(running.port, 'job', ticket)).toMatchObject({ kind: 'refused', status: 401 });
});

test('a client may wait for an agent that comes later', async () => {
  const running = await openRelay();
  const asking = openClient(running.port, 'later', { waitSeconds: 30 });
  await settle();
  using agent = await openAgent(running.port, 'later');
  const { ticket } = await agent.dial();
  const stream = socketOf(await openAgentStream(running.port, 'later', ticket));
  const client = socketOf(await asking);
  using session = {
    client,
    stream,
    [Symbol.dispose]: () => {
      client.terminate();
      stream.terminate();
    },
  };
  await expectAlive(session);
});

test('a client whose wait is over is told that there is no agent', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  const timers = clock.pending;
  const asking = openClient(running.port, 'never', { waitSeconds: 7 });
  await until('it waits', () => clock.pending > timers);
  clock.advance(7_000);
  expect(await asking).toMatchObject({ kind: 'refused', status: 404, refusal: { code: 'agent_not_found' } });
});

test('an agent that loses its link during the dial is dialled again when it is back', async () => {
  const running = await openRelay();
  using first = await openAgent(running.port, 'job');
  const asking = openClient(running.port, 'job');
  await first.dial();
  first.socket.terminate();
  using second = await openAgent(running.port, 'job', { claim: first.claim });
  const { ticket } = await second.dial();
  const stream = socketOf(await openAgentStream(running.port, 'job', ticket));
  const client = socketOf(await asking);
  client.terminate();
  stream.terminate();
});

test('more clients than an agent may be asked for are told to come back', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using agent = await openAgent(running.port, 'popular');
  const leave = new AbortController();
  const waiting = Array.from({ length: MAX_PENDING_DIALS_PER_AGENT }, () =>
    openClient(running.port, 'popular', { signal: leave.signal }),
  );
  await agent.dial(MAX_PENDING_DIALS_PER_AGENT - 1);
  expect(await openClient(running.port, 'popular')).toMatchObject({
    kind: 'refused',
    status: 429,
    refusal: { code: 'rate_limited' },
  });
  leave.abort();
  await Promise.all(waiting);
  await until('all are forgotten', async () => (await running.metric('converge_pending_dials')) === 0);
});

test.each(['client', 'stream'] as const)(
  'a %s that does not answer pings is cut, and the other end is told',
  async (dead) => {
    const clock = new ManualClock();
    const running = await openRelay({ clock });
    using agent = await openAgent(running.port, 'job');
    using other = await joinPair(running.port, agent, 'job');
    using session = await joinPair(running.port, agent, 'job');
    const alive = dead === 'client' ? session.stream : session.client;
    for (const socket of [alive, other.client, other.stream]) socket.resume();
    const closed = closeOf(alive);
    const pinged = [alive, other.client, other.stream, agent.socket].map((socket) => once(socket, 'ping'));
    clock.advance(PING_EVERY_MS);
    await Promise.all(pinged);
    for (const socket of [alive, other.client, other.stream, agent.socket]) {
      socket.ping();
      await once(socket, 'pong');
    }
    clock.advance(PONG_WITHIN_MS);
    expect((await closed).code).toBe(dead === 'client' ? 1001 : 4404);
    await expectEnded(running, 'unanswered_ping', { by: dead === 'client' ? 'client' : 'agent' });
    await expectAlive(other);
  },
);

test('a client that connects and says nothing holds a session and nobody up', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'job');
  using silent = await joinPair(running.port, agent, 'job');
  using busy = await joinPair(running.port, agent, 'job');
  await expectAlive(busy);
  expect(silent.client.readyState).toBe(silent.client.OPEN);
  expect(await running.metric('converge_sessions')).toBe(2);
});

test('the claim of an agent is never logged', async () => {
  const running = await openRelay({ env: { LOG_LEVEL: 'trace' } });
  using agent = await openAgent(running.port, 'job');
  using session = await joinPair(running.port, agent, 'job');
  await expectAlive(session);
  const { ticket } = await agent.dial();
  const said = JSON.stringify(running.log);
  expect(said).not.toContain(agent.claim);
  expect(said).not.toContain(ticket);
  expect(said).not.toContain(CLAIM_HEADER);
});
