// A stranger with control links of their own sends on them as fast as they can: they want the relay to answer nobody else.
import { expect, onTestFinished, test } from 'vitest';
import { RESUME, STREAM } from '#shared/protocol/subprotocols.ts';
import { AGENT_BUDGET, OVER_BUDGET_LINGER_MS } from '#shared/websocket/link-budget.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { openAgent } from '../support/relay/fake-agent.ts';
import { CONTINUATION, chunkOf, frame, openRawLink, PING, PONG, TEXT } from '../support/relay/raw-link.ts';
import { handshakeText, openClientStream, openRaw } from '../support/relay/relay.ts';
import { openRelay } from '../support/relay/test-relay.ts';
import { ManualClock } from '../support/time/manual-clock.ts';
import { until } from '../support/time/poll.ts';

const LINKS = 40;
const ASKED_AT_ONCE = 64;
const OVER_BUDGET = '1008 over_budget';
const UNKNOWN = frame(TEXT, '{"type":"x"}');
const STATUS = frame(TEXT, '{"type":"status","clients":1,"detached":0,"expiresAt":1}');

test.each([
  ['messages of no known type', UNKNOWN],
  ['messages that are good', STATUS],
  ['pings', frame(PING)],
  ['full pings', frame(PING, 'p'.repeat(125))],
  ['pongs that nobody asked for', frame(PONG)],
  [
    'fragments with nothing in them',
    Buffer.concat([
      frame(TEXT, '', false),
      ...Array.from({ length: 9_000 }, () => frame(CONTINUATION, '', false)),
    ]),
  ],
  ['messages in two fragments', Buffer.concat([frame(TEXT, '{"type":', false), frame(CONTINUATION, '"x"}')])],
])(
  `${LINKS} links that flood with %s are closed with a reason, and others are served meanwhile`,
  async (_, piece) => {
    const clock = new ManualClock();
    const running = await openRelay({ clock });
    using good = await openAgent(running.port, 'good');
    const links = await Promise.all(
      Array.from({ length: LINKS }, (_item, index) => openRawLink(running.port, `bad-${index}`)),
    );
    onTestFinished(() => {
      for (const link of links) link[Symbol.dispose]();
    });
    const chunk = chunkOf(piece);
    for (const link of links) link.flood(chunk);
    // Each asks for something new while the flood lasts.
    const healthy = await fetch(`http://127.0.0.1:${running.internalPort}/healthz`);
    expect(healthy.status).toBe(200);
    const leaving = new AbortController();
    const asking = openClientStream(running.port, 'good', { signal: leaving.signal });
    await good.dial();
    leaving.abort();
    await asking;

    await until('all are told why', () => links.every((link) => link.closeFrame() !== undefined), 20_000);
    expect(new Set(links.map((link) => link.closeFrame()?.split(' ')[0]))).toEqual(new Set(['1008']));
    clock.advance(OVER_BUDGET_LINGER_MS);
    const closed = 'converge_agent_links_closed_total{reason="over_budget"}';
    await until('all are counted', async () => (await running.metric(closed)) === LINKS);
    expect(await running.metric('converge_agents')).toBe(1);
    // Nothing of what came after the budget was looked at.
    const looked = await running.metric('converge_control_messages_ignored_total');
    expect(looked).toBeLessThanOrEqual(LINKS * AGENT_BUDGET.messages.burst);
    expect(good.socket.readyState).toBe(good.socket.OPEN);
  },
);

test('an agent keeps its link, whoever asks for it and leaves, as often as he likes', async () => {
  const running = await openRelay({ clock: new ManualClock() });
  await using agent = new EchoAgent({ id: 'job', linkPort: running.port });
  await agent.linked();
  // More than the agent may say at once; the clock stands still, so nothing is added to that.
  for (let asked = 0; asked < 2 * AGENT_BUDGET.messages.burst; asked += ASKED_AT_ONCE) {
    const peers = Array.from({ length: ASKED_AT_ONCE }, () =>
      openRaw(running.port, handshakeText('/client/job')),
    );
    for (const peer of await Promise.all(peers)) peer.socket.resetAndDestroy();
  }
  const outcome = await openClientStream(running.port, 'job', { protocols: [RESUME, STREAM] });
  expect(outcome).toMatchObject({ kind: 'open' });
  if (outcome.kind === 'open') outcome.stream.close({ reason: 'ended' });
  expect(agent.losses).toEqual([]);
  expect(agent.welcomes).toHaveLength(1);
});

test('a link may use its whole budget, and not one message more', async () => {
  const clock = new ManualClock();
  const running = await openRelay({ clock });
  using link = await openRawLink(running.port, 'busy');
  const { burst, perSecond } = AGENT_BUDGET.messages;
  const say = async (count: number) => {
    const before = await running.metric('converge_control_messages_ignored_total');
    link.peer.socket.write(Buffer.concat(Array.from({ length: count }, () => UNKNOWN)));
    const ignored = () => running.metric('converge_control_messages_ignored_total');
    await until('all are heard', async () => (await ignored()) === before + count);
  };
  await say(burst);
  clock.advance(1_000);
  await say(perSecond);
  expect(link.closeFrame()).toBeUndefined();
  link.peer.socket.write(UNKNOWN);
  await until('it is over', () => link.closeFrame() === OVER_BUDGET);
  clock.advance(OVER_BUDGET_LINGER_MS);
  await link.peer.closed;
});

test('pings within the budget are answered, and one more closes the link', async () => {
  const running = await openRelay({ clock: new ManualClock() });
  using link = await openRawLink(running.port, 'pings');
  const { burst } = AGENT_BUDGET.pings;
  const answer = '\x8a\x02hi';
  const answers = () => link.peer.received().split(answer).length - 1;
  link.peer.socket.write(Buffer.concat(Array.from({ length: burst }, () => frame(PING, 'hi'))));
  await until('all are answered', () => answers() === burst);
  expect(link.closeFrame()).toBeUndefined();
  link.peer.socket.write(frame(PING, 'hi'));
  await until('it is over', () => link.closeFrame() === OVER_BUDGET);
  expect(answers()).toBe(burst);
});

test('a link has a budget of bytes, however few messages they are', async () => {
  const running = await openRelay({ clock: new ManualClock() });
  using link = await openRawLink(running.port, 'long');
  const { burst } = AGENT_BUDGET.bytes;
  const long = Buffer.concat([
    Buffer.from([0x80 | TEXT, 0x80 | 126, 0x0f, 0xa0, 0, 0, 0, 0]),
    Buffer.from(`{"type":"x","y":"${'y'.repeat(4_000 - 19)}"}`),
  ]);
  const fitting = Math.floor(burst / long.length);
  link.peer.socket.write(Buffer.concat(Array.from({ length: fitting }, () => long)));
  const ignored = () => running.metric('converge_control_messages_ignored_total');
  await until('all are heard', async () => (await ignored()) === fitting);
  expect(link.closeFrame()).toBeUndefined();
  link.peer.socket.write(long);
  await until('it is over', () => link.closeFrame() === OVER_BUDGET);
});
