// How a relay leaves: readiness, goodbyes, who may stay how long, and that it always ends.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { CLOSE_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { SPREAD_MS } from '../../../services/relay/drain.ts';
import {
  closeOf,
  dialAgent,
  type FakeAgent,
  openAgent,
  openAgentStream,
  socketOf,
} from '../../support/relay/fake-agent.ts';
import { joinPair } from '../../support/relay/joined-pair.ts';
import { openClient, type RunningRelay, startRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { settle, until } from '../../support/time/poll.ts';

const DELAY_MS = 5_000;
/** With the delay, less than it takes to find out that a peer does not answer pings. */
const TIMEOUT_MS = 8_000;

async function start(): Promise<RunningRelay & { readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const env = { DRAIN_DELAY_SECONDS: '5', DRAIN_TIMEOUT_SECONDS: '8' };
  const running = await openRelay({ clock, env });
  return { ...running, clock };
}

async function openSession(
  { port }: RunningRelay,
  agent: FakeAgent,
  protocols: string[],
): Promise<{ client: WebSocket; stream: WebSocket }> {
  const { client, stream } = await joinPair(port, agent, 'job', { protocols });
  client.resume();
  stream.resume();
  return { client, stream };
}

function isDone(promise: Promise<unknown>): () => boolean {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  return () => done;
}

test('readiness fails at once, health does not, and newcomers are sent away', async () => {
  const running = await start();
  const internal = `http://127.0.0.1:${running.internalPort}`;
  expect((await fetch(`${internal}/readyz`)).status).toBe(200);
  const drained = running.relay.drain();
  expect(running.relay.drain()).toBe(drained);
  expect((await fetch(`${internal}/readyz`)).status).toBe(503);
  expect((await fetch(`${internal}/healthz`)).status).toBe(200);
  expect(await running.metric('converge_draining')).toBe(1);
  const draining = { kind: 'refused', status: 503, refusal: { code: 'draining' } };
  expect(await dialAgent(running.port, 'job')).toMatchObject(draining);
  expect(await openClient(running.port, 'job')).toMatchObject(draining);
  expect(await running.metric('converge_refusals_total{code="draining"}')).toBe(2);
  running.clock.advance(DELAY_MS);
  await drained;
  await expect(fetch(`${internal}/healthz`)).rejects.toThrow('fetch failed');
});

test('a person who ends a relay that nobody is on does not wait for balancers; with an agent on it, it is as always', async () => {
  const alone = await start();
  await alone.relay.drain(true);
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const ended = isDone(running.relay.drain(true));
  expect((await fetch(`http://127.0.0.1:${running.internalPort}/readyz`)).status).toBe(503);
  expect(ended()).toBe(false);
  expect(agent.messages.map(({ type }) => type)).not.toContain('goaway');
});

test('agents are told after the delay, resumable sessions move, plain ones may stay until they end', async () => {
  const running = await start();
  const { clock } = running;
  using agent = await openAgent(running.port, 'job');
  const plain = await openSession(running, agent, [STREAM]);
  const resumable = await openSession(running, agent, [RESUME, STREAM]);
  const moved = closeOf(resumable.client);
  const drained = running.relay.drain();
  const done = isDone(drained);
  await settle();
  expect(agent.messages.at(-1)?.type).toBe('dial');
  clock.advance(DELAY_MS);
  await until('the goodbye', () => agent.messages.some(({ type }) => type === 'goaway'));
  expect(agent.messages.at(-1)).toEqual({ type: 'goaway', reason: 'restart', seconds: TIMEOUT_MS / 1000 });
  clock.advance(SPREAD_MS);
  expect(await moved).toEqual({ code: 1012, reason: 'restart' });
  plain.stream.send(Buffer.from('still here'));
  await once(plain.client, 'message');
  expect(done()).toBe(false);
  plain.client.close(1000, 'ended');
  agent.socket.close(1000, 'ended');
  await drained;
});

test('an agent that does not leave is told to restart when its time is over', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const drained = running.relay.drain();
  const done = isDone(drained);
  await settle();
  running.clock.advance(DELAY_MS);
  await until('the goodbye', () => agent.messages.some(({ type }) => type === 'goaway'));
  expect(done()).toBe(false);
  running.clock.advance(TIMEOUT_MS);
  expect(await agent.closed).toEqual({ code: 1012, reason: 'restart' });
  await drained;
});

test('plain sessions that do not end are closed at the timeout', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const { client, stream } = await openSession(running, agent, [STREAM]);
  const [atClient, atAgent] = [closeOf(client), closeOf(stream)];
  const drained = running.relay.drain();
  await settle();
  running.clock.advance(DELAY_MS);
  await until('the goodbye', () => agent.messages.some(({ type }) => type === 'goaway'));
  running.clock.advance(TIMEOUT_MS);
  expect(await atClient).toEqual({ code: 1001, reason: 'going_away' });
  expect(await atAgent).toEqual({ code: 1001, reason: 'going_away' });
  await drained;
  expect(running.log.some(({ msg }) => msg === 'sessions cut at the drain timeout')).toBe(true);
});

test('peers that do not react do not hold the relay up for longer than the close time', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const { client, stream } = await openSession(running, agent, [STREAM]);
  for (const socket of [client, stream, agent.socket]) socket.pause();
  const drained = running.relay.drain();
  const done = isDone(drained);
  await settle();
  await until('it is drained', async () => {
    running.clock.advance(Math.max(DELAY_MS, TIMEOUT_MS, CLOSE_WITHIN_MS));
    await settle();
    return done();
  });
  for (const socket of [client, stream]) socket.terminate();
});

test('a client that was already waiting for its stream is still served', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const asking = openClient(running.port, 'job');
  const { ticket } = await agent.dial();
  const drained = running.relay.drain();
  const stream = socketOf(await openAgentStream(running.port, 'job', ticket));
  const client = socketOf(await asking);
  client.resume();
  stream.send(Buffer.from('served'));
  const [data] = (await once(client, 'message')) as [Buffer];
  expect(data.toString()).toBe('served');
  const closed = closeOf(stream);
  stream.resume();
  client.close(1000, 'ended');
  await closed;
  agent.socket.close(1000, 'ended');
  await agent.closed;
  running.clock.advance(DELAY_MS);
  await drained;
});

test('a client that waits for an agent is sent to another relay when the goodbyes begin, not when they end', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const staying = await openSession(running, agent, [STREAM]);
  const timers = running.clock.pending;
  const asking = openClient(running.port, 'later', { waitSeconds: 100 });
  await until('it waits', () => running.clock.pending > timers);
  const drained = running.relay.drain();
  const done = isDone(drained);
  await settle();
  running.clock.advance(DELAY_MS);
  expect(await asking).toMatchObject({ kind: 'refused', status: 503, refusal: { code: 'draining' } });
  expect(done()).toBe(false);
  staying.client.close(1000, 'ended');
  agent.socket.close(1000, 'ended');
  await drained;
});

test('stop closes everything now, may be called twice, also before start and after drain', async () => {
  const running = await start();
  using agent = await openAgent(running.port, 'job');
  const { client, stream } = await openSession(running, agent, [STREAM]);
  const timers = running.clock.pending;
  const waiting = openClient(running.port, 'later', { waitSeconds: 100 });
  await until('it waits', () => running.clock.pending > timers);
  const ends = [closeOf(client), closeOf(stream), agent.closed];
  await until('all are there', async () => (await running.metric('converge_sessions')) === 1);
  const stopped = running.relay.stop();
  expect(running.relay.stop()).toBe(stopped);
  for (const { code } of await Promise.all(ends)) expect(code).toBe(1012);
  expect(await waiting).toMatchObject({ kind: 'refused', status: 503 });
  await stopped;
  await expect(running.relay.start()).rejects.toThrow();
});

test('a relay that is stopped while it drains ends at once, and a drain that is asked for later is that end', async () => {
  const running = await start();
  void running.relay.drain();
  const stopped = running.relay.stop();
  expect(running.relay.drain()).toBe(stopped);
  await stopped;
  await expect(fetch(`http://127.0.0.1:${running.internalPort}/healthz`)).rejects.toThrow('fetch failed');
});

test('a port that is in use is a fault that names it, and what was opened is closed', async () => {
  const first = await start();
  await expect(startRelay({ env: { PORT: String(first.port) } })).rejects.toMatchObject({
    code: 'listen_failed',
    message: expect.stringContaining(`127.0.0.1 port ${first.port}`) as unknown,
  });
});
