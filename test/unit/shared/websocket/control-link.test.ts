// The control link at both ends: what it hands on, and every way in which it closes.
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import {
  type AgentMessage,
  MAX_CONTROL_BYTES,
  parseRelayMessage,
  type RelayMessage,
} from '#shared/protocol/control-messages.ts';
import {
  type ControlLink,
  type ControlLinkOptions,
  controlLinkOver,
  MAX_CONTROL_BACKLOG_BYTES,
} from '#shared/websocket/control-link.ts';
import { CLOSE_WITHIN_MS, PING_EVERY_MS, PONG_WITHIN_MS } from '#shared/websocket/keepalive.ts';
import { OVER_BUDGET_LINGER_MS, RELAY_BUDGET } from '#shared/websocket/link-budget.ts';
import { type LinkEnd, openLinkPair } from '../../../support/stream/link-pair.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { settle, until } from '../../../support/time/poll.ts';

const GOAWAY = { type: 'goaway', reason: 'restart', seconds: 5 } as const;
const STATUS: AgentMessage = { type: 'status', clients: 1, detached: 0, expiresAt: 1 };

/** The link under test at one end, and ws at the other, flowing. */
async function open(
  role: 'server' | 'client',
  errors: Pick<ControlLinkOptions<never>, 'reasonsOfErrors' | 'lingerAfterErrorMs'> = {},
  before: (near: LinkEnd, far: LinkEnd) => Promise<unknown> = async () => undefined,
) {
  const ends = await openLinkPair();
  const near = ends[role];
  const far = ends[role === 'server' ? 'client' : 'server'];
  await before(near, far);
  const clock = new ManualClock();
  const messages: RelayMessage[] = [];
  const unknown: string[] = [];
  const reasons: CloseReason[] = [];
  const link: ControlLink<AgentMessage | RelayMessage> = controlLinkOver(near.socket, near.transport, {
    clock,
    budget: RELAY_BUDGET,
    parse: parseRelayMessage,
    ...errors,
    onMessage: (message) => messages.push(message),
    onUnknown: (type) => unknown.push(type),
    onClosed: (reason) => reasons.push(reason),
  });
  far.socket.resume();
  const closed = once(far.socket, 'close').then(([code, text]) => `${code} ${String(text)}`);
  return { near, far, clock, link, messages, unknown, reasons, closed };
}

describe.each(['server', 'client'] as const)('a control link at the %s', (role) => {
  test('hands on messages in order, names unknown types, and sends', async () => {
    const { far, link, messages, unknown, reasons } = await open(role);
    const heard = once(far.socket, 'message');
    link.send(STATUS);
    expect(JSON.parse(String((await heard)[0]))).toEqual(STATUS);
    for (const message of [GOAWAY, { type: 'of-another-version' }, { type: 'grant', grant: 'g' }]) {
      far.socket.send(JSON.stringify(message));
    }
    await until('both', () => messages.length === 2);
    expect(messages).toEqual([GOAWAY, { type: 'grant', grant: 'g' }]);
    expect(unknown).toEqual(['of-another-version']);
    expect(reasons).toEqual([]);
  });

  test.each([
    ['no JSON', 'hello'],
    ['a message without its fields', '{"type":"goaway"}'],
    ['a binary message', Buffer.from(JSON.stringify(GOAWAY))],
  ])('closes on %s, and hears nothing behind it', async (_, data) => {
    const { far, link, messages, reasons, closed } = await open(role);
    far.socket.send(data);
    far.socket.send(JSON.stringify(GOAWAY));
    expect(await closed).toBe('1003 not_json');
    await until('the end', () => reasons.length > 0);
    link.send(STATUS);
    link.close('ended');
    await settle();
    expect(reasons).toEqual(['not_json']);
    expect(messages).toEqual([]);
  });

  test.each([
    [{}, 'lost'],
    [{ reasonsOfErrors: { WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'too_big' } }, 'too_big'],
    [{ lingerAfterErrorMs: OVER_BUDGET_LINGER_MS }, 'lost'],
  ] as const)(
    'a message over the limit ends it, with the reason and in the time of %j',
    async (errors, reason) => {
      const { far, clock, reasons } = await open(role, errors);
      const { lingerAfterErrorMs = CLOSE_WITHIN_MS } = errors as { lingerAfterErrorMs?: number };
      far.socket.pause();
      far.socket.send('x'.repeat(MAX_CONTROL_BYTES + 1));
      // Where it was dialled, the dialler ends it at once; elsewhere the close frame of ws gets the time to leave.
      if (role === 'client') await until('the end', () => reasons.length > 0);
      else await until('it waits for the peer', () => clock.pending > 1);
      clock.advance(lingerAfterErrorMs - 1);
      await settle();
      expect(reasons).toHaveLength(role === 'client' ? 1 : 0);
      clock.advance(1);
      await until('the end', () => reasons.length > 0);
      expect(reasons).toEqual([reason]);
      expect(clock.pending).toBe(0);
    },
  );

  test('says goodbye with its reason, and cuts a peer that does not answer in time', async () => {
    const { near, far, clock, link, reasons } = await open(role);
    far.socket.pause();
    link.close('going_away');
    link.close('ended');
    clock.advance(CLOSE_WITHIN_MS - 1);
    await settle();
    expect(reasons).toEqual([]);
    expect(near.transport.destroyed).toBe(false);
    clock.advance(1);
    await until('the end', () => reasons.length > 0);
    expect(reasons).toEqual(['going_away']);
    expect(near.transport.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('takes the reason of a peer that says goodbye', async () => {
    const { far, clock, reasons } = await open(role);
    far.socket.close(1012, 'restart');
    await until('the end', () => reasons.length > 0);
    expect(reasons).toEqual(['restart']);
    expect(clock.pending).toBe(0);
  });

  test('over a socket that closed while nobody listened is lost, and waits for nothing', async () => {
    const { clock, reasons } = await open(role, {}, (near, far) => {
      far.socket.terminate();
      return once(near.socket, 'close');
    });
    await until('the end', () => reasons.length > 0);
    expect(reasons).toEqual(['lost']);
    expect(clock.pending).toBe(0);
  });

  test('cuts a peer that does not answer a ping, and not before its time', async () => {
    const { far, clock, reasons } = await open(role);
    const pinged = once(far.socket, 'ping');
    clock.advance(PING_EVERY_MS);
    // Read as BUDGETED_READING says, ws answers no ping on its own.
    await pinged;
    clock.advance(PONG_WITHIN_MS - 1);
    await settle();
    expect(reasons).toEqual([]);
    clock.advance(1);
    await until('the end', () => reasons.length > 0);
    expect(reasons).toEqual(['unanswered_ping']);
    expect(clock.pending).toBe(0);
  });

  test('cuts a peer that lets what it is sent pile up', async () => {
    const { near, far, link, reasons } = await open(role);
    far.socket.pause();
    let sent = 0;
    while (reasons.length === 0 && !near.transport.destroyed) {
      link.send({ ...GOAWAY, reason: 'x'.repeat(4_000) });
      sent += 1;
      expect(near.socket.bufferedAmount).toBeLessThan(MAX_CONTROL_BACKLOG_BYTES + 5_000);
      if (sent % 100 === 0) await settle();
    }
    await until('the end', () => reasons.length > 0);
    expect(reasons).toEqual(['stuck']);
  });
});
