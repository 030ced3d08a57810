// Control links, as good agents and bad ones use them.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createClaim } from '#shared/protocol/claim.ts';
import { formatMessage, MAX_CONTROL_BYTES } from '#shared/protocol/control-messages.ts';
import { LEASE_MS } from '#shared/protocol/lease.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { RENEW_EVERY_MS } from '../../../services/relay/registry/registry.ts';
import { dialAgent, type FakeAgent, openAgent } from '../../support/relay/fake-agent.ts';
import { openClient, type RunningRelay } from '../../support/relay/relay.ts';
import { openRelay } from '../../support/relay/test-relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { settle, until } from '../../support/time/poll.ts';

/** Checks that a link ended for `reason`, in the metrics and in one line of the log. */
async function expectUnlinked({ metric, log }: RunningRelay, id: string, reason: string): Promise<void> {
  const counter = `converge_agent_links_closed_total{reason="${reason}"}`;
  await until(`a link closed for ${reason}`, async () => (await metric(counter)) === 1);
  const lines = log.filter((line) => line.msg === 'agent unlinked' && line['id'] === id);
  expect(lines.map((line) => line['reason'])).toEqual([reason]);
  expect(lines[0]).toMatchObject({ address: '127.0.0.1' });
}

const STATUS = formatMessage({ type: 'status', clients: 1, detached: 0, expiresAt: 1 });

test('an agent is welcomed with its id, epoch, pod and the public url', async () => {
  const running = await openRelay({ env: { PUBLIC_URL: 'https://relay.test/' } });
  using agent = await openAgent(running.port, 'good');
  expect(agent.messages).toEqual([
    {
      type: 'welcome',
      id: 'good',
      epoch: 1,
      pod: 'pod-test',
      publicUrl: 'https://relay.test',
      grant: expect.any(String) as string,
      pass: '',
      lifetimeMs: 0,
      audit: false,
      terminal: false,
    },
  ]);
  expect(await running.metric('converge_agents')).toBe(1);
  expect(await running.metric('converge_agent_links_total')).toBe(1);
});

test.each([
  ['text that is not JSON', '{nope', 1003, 'not_json'],
  ['JSON that is no message', '[1,2]', 1003, 'not_json'],
  ['a message without its fields', '{"type":"status"}', 1003, 'not_json'],
  ['a binary message', Buffer.from(STATUS), 1003, 'not_json'],
  ['a message over 4 KiB', `"${'x'.repeat(MAX_CONTROL_BYTES)}"`, 1009, 'too_big'],
])('%s closes the link, and only that one', async (_, bytes, code, reason) => {
  const running = await openRelay();
  using good = await openAgent(running.port, 'good');
  using bad = await openAgent(running.port, 'bad');
  bad.socket.send(bytes);
  expect(await bad.closed).toMatchObject({ code });
  await expectUnlinked(running, 'bad', reason);
  good.socket.send(STATUS);
  await settle();
  expect(good.socket.readyState).toBe(good.socket.OPEN);
  expect(await running.metric('converge_agents')).toBe(1);
});

test('a message of exactly 4 KiB is taken', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'long');
  const padding = MAX_CONTROL_BYTES - Buffer.byteLength('{"type":"future","x":""}');
  agent.socket.send(`{"type":"future","x":"${'x'.repeat(padding)}"}`);
  await until(
    'it was counted',
    async () => (await running.metric('converge_control_messages_ignored_total')) === 1,
  );
});

test('messages of an unknown type are ignored and counted, and cannot fill the log', async () => {
  const running = await openRelay();
  using agent = await openAgent(running.port, 'newer');
  for (let count = 0; count < 100; count += 1) agent.socket.send('{"type":"telemetry","x":1}');
  const ignored = (): Promise<number> => running.metric('converge_control_messages_ignored_total');
  await until('all are counted', async () => (await ignored()) === 100);
  expect(agent.socket.readyState).toBe(agent.socket.OPEN);
  const lines = running.log.filter(({ msg }) => msg === 'control message of an unknown type ignored');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ id: 'newer', type: 'telemetry' });
});

test('the same claim takes the id over: the older link is superseded, and clients go to the newer one', async () => {
  const running = await openRelay();
  const claim = createClaim();
  using older = await openAgent(running.port, 'moved', { claim });
  using newer = await openAgent(running.port, 'moved', { claim });
  expect(await older.closed).toEqual({ code: 4409, reason: 'superseded' });
  expect(newer.messages[0]).toMatchObject({ epoch: 2 });
  await expectUnlinked(running, 'moved', 'superseded');
  const leave = new AbortController();
  const client = openClient(running.port, 'moved', { signal: leave.signal });
  expect(await newer.dial()).toMatchObject({ client: '127.0.0.1', resumable: false });
  leave.abort();
  await client;
  expect(await running.metric('converge_agents')).toBe(1);
});

test('an agent that says goodbye frees its id at once; one that is lost keeps it for a lease', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using polite = await openAgent(running.port, 'polite');
  polite.socket.close(1000, 'ended');
  await expectUnlinked(running, 'polite', 'ended');
  using next = await openAgent(running.port, 'polite');
  expect(next.messages[0]).toMatchObject({ epoch: 1 });

  using lost = await openAgent(running.port, 'lost');
  lost.socket.terminate();
  await expectUnlinked(running, 'lost', 'lost');
  expect(await dialAgent(running.port, 'lost')).toMatchObject({ kind: 'refused', status: 409 });
  clock.advance(LEASE_MS);
  using stranger = await openAgent(running.port, 'lost');
  expect(stranger.messages[0]).toMatchObject({ type: 'welcome' });
});

test('a lease lives as long as its link', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using agent = await openAgent(running.port, 'long-lived');
  for (let renewals = 0; renewals < 5; renewals += 1) {
    clock.advance(RENEW_EVERY_MS);
    await settle();
    await until('a pong', async () => answered(agent));
  }
  expect(await dialAgent(running.port, 'long-lived')).toMatchObject({ kind: 'refused', status: 409 });
});

/** A round trip over the link, so that pings and their answers are through. */
async function answered({ socket }: FakeAgent): Promise<boolean> {
  socket.ping();
  await once(socket, 'pong');
  return true;
}

test('an agent that does not answer pings is cut, and its clients are told so after the dial time', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using dead = await openAgent(running.port, 'dead');
  dead.socket.pause();
  clock.advance(PING_EVERY_MS);
  await settle();
  clock.advance(PONG_WITHIN_MS);
  await expectUnlinked(running, 'dead', 'unanswered_ping');
});

test('an agent that is told to close and does not is cut after the close time', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using deaf = await openAgent(running.port, 'deaf');
  deaf.socket.send('{nope');
  await until('the message has left', () => deaf.socket.bufferedAmount === 0);
  deaf.socket.pause();
  // Without a turn of the clock it may be closed already: then the close frame was faster than the pause.
  await until('it is unlinked', async () => {
    clock.advance(CLOSE_WITHIN_MS);
    await settle();
    return (await running.metric('converge_agents')) === 0;
  });
  await expectUnlinked(running, 'deaf', 'not_json');
});

test('a link that is not read is cut before it costs memory', async () => {
  const running = await openRelay();
  using stuck = await openAgent(running.port, 'stuck');
  stuck.socket.pause();
  // The relay answers pings of the agent; more than it holds back must not pile up.
  const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
  const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
  for (let round = 0; round < 20 && !stuck.transport.destroyed; round += 1) {
    stuck.transport.write(flood);
    await settle();
  }
  await until('it is unlinked', async () => (await running.metric('converge_agents')) === 0);
});
