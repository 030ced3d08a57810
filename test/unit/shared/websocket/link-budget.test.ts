// The budget of a control link, at both ends: what is heard in one turn, and what becomes of a link that is over it.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import { type AgentStatus, parseAgentMessage, parseRelayMessage } from '#shared/protocol/control-messages.ts';
import { MAX_RESUMABLE_STREAMS } from '#shared/resume/limits.ts';
import { controlLinkOver } from '#shared/websocket/control-link.ts';
import {
  AGENT_BUDGET,
  AGENT_PACE,
  OVER_BUDGET_LINGER_MS,
  RELAY_BUDGET,
} from '#shared/websocket/link-budget.ts';
import { createRelayLink, REST_AFTER_SPENT_LINK_MS } from '../../../../services/agent/relay/relay-link.ts';
import { MoodyRelay } from '../../../support/relay/moody-relay.ts';
import { NO_PROOF } from '../../../support/relay/no-proof.ts';
import { frame, TEXT } from '../../../support/relay/raw-link.ts';
import { openLinkPair } from '../../../support/stream/link-pair.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

test('what one read brings is heard one message in a turn', async () => {
  const { server, client } = await openLinkPair();
  let inTurn = 0;
  let most = 0;
  let all = 0;
  controlLinkOver(server.socket, server.transport, {
    clock: new ManualClock(),
    budget: AGENT_BUDGET,
    parse: parseAgentMessage,
    onMessage: () => undefined,
    onUnknown: () => {
      inTurn += 1;
      all += 1;
      most = Math.max(most, inTurn);
    },
    onClosed: () => undefined,
  });
  let isDone = false;
  const count = (): void => {
    inTurn = 0;
    if (!isDone) setImmediate(count);
  };
  count();
  const sent = 1_000;
  client.transport.write(Buffer.concat(Array.from({ length: sent }, () => frame(TEXT, '{"type":"x"}'))));
  await until('all are heard', () => all === sent);
  isDone = true;
  // The turn is counted by an immediate of the test's own, which may come before or after that of the link.
  expect(most).toBeLessThanOrEqual(2);
});

test('a relay that floods its agent is closed with a reason, and dialled again after a rest', async () => {
  const relay = new MoodyRelay();
  const clock = new ManualClock();
  const base = await relay.start();
  const losses: CloseReason[] = [];
  let dials = 0;
  const link = createRelayLink({
    target: { base, id: 'job', claim: 'c'.repeat(43), proxy: undefined },
    clock,
    random: () => 0,
    prover: NO_PROOF,
  });
  link.start({
    status: () => ({ type: 'status', clients: 0, detached: 0, expiresAt: 1 }),
    onWelcome: () => undefined,
    onDial: () => (dials += 1),
    onUnreadableDial: () => undefined,
    onLost: (reason) => losses.push(reason),
    isBusy: () => false,
    onTrouble: () => undefined,
    onFailed: () => undefined,
  });
  onTestFinished(() => {
    link.stop();
    relay.stop();
  });
  await until('it is linked', () => relay.links.length === 1);
  const closed = once(relay.links[0] as WebSocket, 'close');
  const order = JSON.stringify({ type: 'dial', ticket: 't', client: '192.0.2.1', resumable: true });
  for (let count = 0; count < RELAY_BUDGET.messages.burst + 500; count += 1) relay.links[0]?.send(order);
  await until('its close frame is here', () => relay.links[0]?.readyState !== relay.links[0]?.OPEN);
  clock.advance(OVER_BUDGET_LINGER_MS);
  const [code, reason] = (await closed) as [number, Buffer];
  expect([code, reason.toString()]).toEqual([1008, 'over_budget']);
  await until('it is lost', () => losses.length === 1);
  expect(losses).toEqual(['over_budget']);
  // The welcome is one of the messages.
  expect(dials).toBeLessThan(RELAY_BUDGET.messages.burst);
  await settle();
  clock.advance(REST_AFTER_SPENT_LINK_MS / 2 - 1);
  await settle();
  expect(relay.handshakes).toHaveLength(1);
  clock.advance(1);
  await until('it dials again', () => relay.handshakes.length === 2);
});

test('an agent that floods hears why, also while its relay reads no more', async () => {
  const { server, client } = await openLinkPair();
  const clock = new ManualClock();
  const reasons: CloseReason[] = [];
  controlLinkOver(server.socket, server.transport, {
    clock,
    budget: AGENT_BUDGET,
    parse: parseAgentMessage,
    onMessage: () => undefined,
    onClosed: (reason) => reasons.push(reason),
  });
  const heard = Promise.withResolvers<CloseReason>();
  controlLinkOver(client.socket, client.transport, {
    clock,
    budget: RELAY_BUDGET,
    parse: parseRelayMessage,
    onMessage: () => undefined,
    onClosed: heard.resolve,
  });
  const message = frame(TEXT, '{"type":"x"}');
  client.transport.write(
    Buffer.concat(Array.from({ length: 2 * AGENT_BUDGET.messages.burst }, () => message)),
  );
  await until('the relay reads no more', () => server.socket.isPaused);
  expect(reasons).toEqual([]);
  await until('the agent has its close frame', () => client.socket.readyState >= client.socket.CLOSING);
  clock.advance(OVER_BUDGET_LINGER_MS);
  expect(await heard.promise).toBe('over_budget');
  await until('the relay is told once', () => reasons.length === 1);
  expect(reasons).toEqual(['over_budget']);
});

test('an agent whose clients come and go as fast as they can stays within its budget, and the last word counts', async () => {
  const relay = new MoodyRelay();
  const clock = new ManualClock();
  const link = createRelayLink({
    target: { base: await relay.start(), id: 'job', claim: 'c'.repeat(43), proxy: undefined },
    clock,
    random: () => 0,
    prover: NO_PROOF,
  });
  let status: AgentStatus = { type: 'status', clients: 0, detached: 0, expiresAt: 1 };
  link.start({
    status: () => status,
    onWelcome: () => undefined,
    onDial: () => undefined,
    onUnreadableDial: () => undefined,
    onLost: () => undefined,
    isBusy: () => false,
    onTrouble: () => undefined,
    onFailed: () => undefined,
  });
  onTestFinished(() => {
    link.stop();
    relay.stop();
  });
  await until('it is linked', () => relay.links.length === 1);
  const heard: { readonly type: string; readonly clients?: number }[] = [];
  relay.links[0]?.on('message', (data: Buffer) =>
    heard.push(JSON.parse(data.toString()) as { type: string }),
  );
  link.statusChanged();
  await until('it is up', () => heard.length === 1);
  const seconds = 60;
  for (let second = 0; second < seconds; second += 1) {
    for (let count = 0; count < 100; count += 1) {
      status = { type: 'status', clients: 100 * second + count, detached: 1, expiresAt: 1 };
      link.statusChanged();
      link.tell({ type: 'resumption', outcome: 'given_up', afterMs: 1 });
    }
    clock.advance(1_000);
    await settle();
  }
  const last = 100 * seconds - 1;
  await until('the last word', () => heard.findLast(({ type }) => type === 'status')?.clients === last);
  const { burst, perSecond } = AGENT_PACE.resumptions;
  const statuses = heard.filter(({ type }) => type === 'status').length;
  expect(statuses).toBeLessThanOrEqual(seconds + 2);
  expect(heard.length - statuses).toBeLessThanOrEqual(burst + perSecond * seconds);
  expect(heard.length - statuses).toBeGreaterThan(burst);
  // Which is what the relay takes, for as long as one likes.
  expect(AGENT_BUDGET.messages.burst).toBeGreaterThan(burst + 2);
  expect(AGENT_BUDGET.messages.perSecond).toBeGreaterThan(perSecond + 1_000 / AGENT_PACE.statusEveryMs);
});

test('the budgets have room for all sessions at once, and for what strangers may ask of an agent', () => {
  const bytesOfAMessage = 100;
  const bytesOfADial = 600;
  expect(AGENT_PACE.resumptions.burst).toBeGreaterThanOrEqual(2 * MAX_RESUMABLE_STREAMS);
  expect(AGENT_BUDGET.bytes.burst).toBeGreaterThanOrEqual(AGENT_BUDGET.messages.burst * bytesOfAMessage);
  expect(AGENT_BUDGET.bytes.perSecond).toBeGreaterThanOrEqual(
    AGENT_BUDGET.messages.perSecond * bytesOfAMessage,
  );
  expect(RELAY_BUDGET.bytes.burst).toBeGreaterThanOrEqual(RELAY_BUDGET.messages.burst * bytesOfADial);
  expect(RELAY_BUDGET.bytes.perSecond).toBeGreaterThanOrEqual(RELAY_BUDGET.messages.perSecond * bytesOfADial);
});
