// A stranger with one address and an agent of their own, who wants a relay's memory: sessions whose client never reads.
import { expect, onTestFinished, test } from 'vitest';
import type { WebSocket } from 'ws';
import { STREAM } from '#shared/protocol/subprotocols.ts';
import { Bystander, startAttackedRelay } from '../support/relay/attacked-relay.ts';
import { type FakeAgent, openAgent, openAgentStream, socketOf } from '../support/relay/fake-agent.ts';
import { Stranger } from '../support/relay/stranger.ts';
import { until } from '../support/time/poll.ts';

const MIB = 1024 * 1024;
/** `npm run test:chaos` plays 1,000. */
const SESSIONS = Number(process.env['UNREAD_SESSIONS'] ?? 200);
const BATCH = 200;

/** Gigabytes go through before the kernels are full, on a machine that others use as well. */
const TIMEOUT_MS = 300_000;

/** Of the sessions' bytes. */
const LIMIT_MIB = Math.ceil(SESSIONS / 32);

/** What buffers may grow by: the limit and its sixteenth, and for each session what a stream has without bytes. */
const GROWTH_MIB = 1.5 * LIMIT_MIB;

const CHUNK = Buffer.alloc(64 * 1024);
/** Nothing was taken in this many rounds: the relay is full, not slow. */
const STILL_ROUNDS = 5;

/** Opens `count` sessions with their agent, and gives the agent's ends. */
async function openSessions(
  port: number,
  agent: FakeAgent,
  stranger: Stranger,
  count: number,
): Promise<WebSocket[]> {
  const first = stranger.knocks.length;
  await stranger.knock(count, () => '/client/mine', { 'Sec-WebSocket-Protocol': STREAM });
  const streams = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { ticket } = await agent.dial(first + index);
      return socketOf(await openAgentStream(port, 'mine', ticket));
    }),
  );
  await until('all have their session', () => stranger.answered(101).length === first + count, 60_000);
  for (const { socket } of stranger.knocks.slice(first)) socket.pause();
  return streams;
}

test(
  'sessions that nobody reads hold what one address may hold, and no more',
  async () => {
    await using relay = await startAttackedRelay({ ADDRESS_MAX_HELD_MIB: String(LIMIT_MIB) });
    await using bystander = await Bystander.arrive(relay);
    using stranger = new Stranger(relay.port, '127.0.0.66');
    using agent = await openAgent(relay.port, 'mine');
    const streams: WebSocket[] = [];
    onTestFinished(() => {
      for (const stream of streams) stream.terminate();
    });
    /** All buffers of the process. */
    const buffers = () => relay.metric('nodejs_external_memory_bytes');
    const before = await buffers();
    const residentBefore = await relay.resident();
    let ended = 0;
    let taken = 0;
    const push = (stream: WebSocket): void => {
      stream.send(CHUNK, (error) => {
        if (error !== undefined && error !== null) return;
        taken += CHUNK.length;
        // Not at once: a kernel that takes everything would leave this process no turn for its pongs.
        setImmediate(push, stream);
      });
    };
    while (streams.length < SESSIONS) {
      const opened = await openSessions(relay.port, agent, stranger, BATCH);
      streams.push(...opened);
      for (const stream of opened) {
        stream.on('error', () => undefined);
        stream.on('close', () => {
          ended += 1;
        });
        stream.resume();
        push(stream);
      }
      let last = -1;
      let still = 0;
      await until(
        'the relay takes no more',
        () => {
          still = taken === last ? still + 1 : 0;
          last = taken;
          // A relay that only stands still has not come to its limit.
          return still >= STILL_ROUNDS && ended > 0;
        },
        60_000,
        100,
      );
    }
    await bystander.check();
    const held = await relay.metric('converge_limit_used{limit="address_held"}');
    const resident = ((await relay.resident()) - residentBefore) / MIB;
    let growth = Number.POSITIVE_INFINITY;
    const shrink = async (): Promise<boolean> => {
      relay.collect();
      growth = Math.min(growth, ((await buffers()) - before) / MIB);
      return growth < GROWTH_MIB;
    };
    await until('the buffers are no larger than the limit allows', shrink, 20_000, 250).finally(() => {
      const mib = (value: number): string => `${value.toFixed(0)} MiB`;
      console.log(
        `${SESSIONS} unread sessions: buffers ${mib(growth)}, resident ${mib(resident)}, held ${mib(held / MIB)}, cut ${ended}`,
      );
    });
    expect(held).toBeGreaterThan((LIMIT_MIB / 2) * MIB);
    expect(held).toBeLessThanOrEqual(LIMIT_MIB * MIB * (1 + 1 / 16));
    // Who has stood still for longest went; the rest is left alone.
    expect(ended).toBeGreaterThan(0);
    expect(ended).toBeLessThan(SESSIONS);
    const hits = await relay.metric('converge_limit_hits_total{limit="address_held"}');
    expect(hits).toBeGreaterThan(0);
    expect(await relay.metric('converge_sessions_ended_total{reason="stuck"}')).toBeGreaterThanOrEqual(hits);
  },
  TIMEOUT_MS,
);
