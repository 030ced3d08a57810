// A session of wsproxy that outlives its connections: what is carried on, what the person reads, and what ends it.
import { Duplex } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import { RESUME_WINDOW_MS } from '#shared/resume/limits.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { duplexOf } from '#shared/stream/duplex.ts';
import { FAREWELL_WITHIN_MS } from '../../../services/clients/connection/visit.ts';
import { ResumingClient } from '../../support/clients/resuming-client.ts';
import {
  echo,
  type StandInAnswer,
  type StandInOptions,
  type StandInRelay,
} from '../../support/relay/stand-in-relay.ts';
import { openStandIn } from '../../support/relay/test-stand-in.ts';
import { createPinnedSshHost, startSshClient } from '../../support/ssh/pinned-ssh-host.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

/** Where minutes have to pass. */
const LONG_STEP_MS = 300;

/** A stand-in whose answer can be changed; undefined accepts. */
interface FickleRelay extends StandInRelay {
  answerWith(answer: StandInAnswer): void;
}

async function relayWith(options: StandInOptions): Promise<FickleRelay> {
  let mood: StandInAnswer;
  const relay = await openStandIn({ answer: () => mood, ...options });
  return {
    ...relay,
    answerWith(answer) {
      mood = answer;
    },
  };
}

function wsproxy(url: string): ResumingClient {
  const client = new ResumingClient(url);
  onTestFinished(() => client.close());
  return client;
}

async function talk(client: ResumingClient, word: string): Promise<void> {
  client.input.write(word);
  await client.pass(`${word} came back`, () => client.received.endsWith(word));
}

interface Visit {
  readonly relay: FickleRelay;
  readonly client: ResumingClient;
}

/** A client that has sent `before` to an agent that echoes, and has it back. */
async function talking(options: StandInOptions = {}): Promise<Visit> {
  const relay = await relayWith({ serve: echo, ...options });
  const client = wsproxy(relay.url());
  await talk(client, 'before');
  return { relay, client };
}

/** The same, and then its connection is lost while the relay gives that answer. */
async function lost(answer: StandInAnswer, options: StandInOptions = {}): Promise<Visit> {
  const visit = await talking(options);
  visit.relay.answerWith(answer);
  visit.relay.drop('lost');
  return visit;
}

function kindsOf(relay: StandInRelay): string[] {
  return relay.events.map(({ kind }) => kind);
}

describe('a connection that is gone', () => {
  test.each([
    'lost',
    'restart',
    'going_away',
    'agent_gone',
    'fault',
    'ended',
  ] as const satisfies CloseReason[])('with %s is replaced, and nobody notices', async (reason) => {
    const { relay, client } = await talking();
    relay.drop(reason);
    await client.pass('another one carries the session', () => kindsOf(relay).includes('resumed'));
    await talk(client, 'after');
    expect(client.received).toBe('beforeafter');
    expect(client.lines).toEqual([]);
    client.input.end();
    expect(await client.exit).toBe(0);
    await until('the agent has ended it too', () => kindsOf(relay).length > 3);
    expect(kindsOf(relay)).toEqual(['opened', 'detached', 'resumed', 'finished']);
  });

  test('is told of once after 3 s, and its return once', async () => {
    const { relay, client } = await lost('draining');
    await client.pass('the relay is asked again', () => relay.asked.length > 1);
    const lostAt = client.clock.now();
    await client.pass('it is said', () => client.lines.length > 0);
    expect(client.clock.now() - lostAt).toBeLessThanOrEqual(3_000);
    expect(client.clock.now() - lostAt).toBeGreaterThan(2_000);
    expect(client.lines).toEqual([
      `no way to the agent at the moment (127.0.0.1:${relay.port} refused: the stand-in says draining (draining)); dialling again for up to 2 minutes, the session waits`,
    ]);
    await client.pass('20 s have passed', () => client.clock.now() - lostAt > 20_000, LONG_STEP_MS);
    relay.answerWith(undefined);
    client.input.write('after');
    await client.pass('what was written meanwhile arrives', () => client.received === 'beforeafter');
    expect(client.lines).toHaveLength(2);
    expect(client.lines[1]).toMatch(/^back after 2\d seconds; the session goes on$/);
  });

  test.each([
    'agent_not_found',
    'draining',
    'agent_unresponsive',
    'registry_unavailable',
    'id_taken',
    502,
    404,
  ] as const)('is asked for again after %s', async (answer) => {
    const { relay, client } = await lost(answer);
    await client.pass('it was asked for twice', () => relay.asked.length > 2);
    relay.answerWith(undefined);
    await talk(client, 'after');
  });

  test('is asked for at once, with patience of the relay, and then less and less often', async () => {
    const { relay, client } = await lost('agent_not_found');
    const from = client.clock.now();
    await client.pass('a minute has passed', () => client.clock.now() - from > 60_000, LONG_STEP_MS);
    expect(relay.asked[1]).toBe('/client/job-1?wait=5');
    expect(relay.asked.length).toBeGreaterThan(20);
    expect(relay.asked.length).toBeLessThan(120);
  });

  test('is noticed when the relay says nothing for 15 s', async () => {
    const { relay, client } = await lost('silence');
    await client.pass('it is asked twice', () => relay.asked.length > 2);
    relay.answerWith(undefined);
    await talk(client, 'after');
    expect(client.lines[0]).toMatch(/^no way to the agent at the moment; /);
  });

  test('is asked for as long as the agent keeps the session, however long that is', async () => {
    const { relay, client } = await lost('draining', { resumeWindowMs: 600_000 });
    const from = client.clock.now();
    await client.pass('five minutes', () => client.clock.now() - from > 300_000, 3 * LONG_STEP_MS);
    expect(client.lines).toEqual([expect.stringContaining('dialling again for up to 10 minutes')]);
    relay.answerWith(undefined);
    await talk(client, 'after');
  });

  test('ends the session at once where the agent keeps none', async () => {
    const { relay, client } = await talking({ resumeWindowMs: 0 });
    relay.drop('lost');
    await client.pass('it ends', () => client.code !== undefined);
    expect(client.code).toBe(3);
    expect(client.lines).toEqual([expect.stringMatching(/^the connection broke: /)]);
  });

  test('does not come back after the window: wsproxy says so and exits 3', async () => {
    const { client } = await lost('agent_not_found');
    const from = client.clock.now();
    await client.pass('it gives up', () => client.code !== undefined, LONG_STEP_MS);
    expect(client.code).toBe(3);
    expect(client.clock.now() - from).toBeGreaterThanOrEqual(RESUME_WINDOW_MS - LONG_STEP_MS);
    expect(client.lines.at(-1)).toBe('the connection broke: no connection for 2 minutes');
    expect(client.lines).toHaveLength(2);
  });

  test('is not told of when ssh has left meanwhile, and the agent hears of its leave', async () => {
    const { relay, client } = await lost('draining');
    client.input.end();
    const from = client.clock.now();
    await client.pass('10 s have passed', () => client.clock.now() - from > 10_000, LONG_STEP_MS);
    expect(client.code).toBeUndefined();
    relay.answerWith(undefined);
    await client.pass('it ends', () => client.code !== undefined);
    expect(client.code).toBe(0);
    expect(client.lines).toEqual([]);
    await until('the agent knows', () => kindsOf(relay).at(-1) === 'finished');
  });
});

describe('ssh that has left while there is no way to the agent', () => {
  test.each(['by itself', 'by a signal'])(
    '%s: wsproxy tries to tell the agent, and exits 0 after a while',
    async (how) => {
      const { relay, client } = await lost('draining');
      await client.pass('it dials again', () => relay.asked.length > 1);
      const from = client.clock.now();
      if (how === 'by itself') client.input.end();
      else client.leave();
      await client.pass('it ends', () => client.code !== undefined, LONG_STEP_MS);
      expect(client.code).toBe(0);
      expect(client.clock.now() - from).toBeGreaterThan(FAREWELL_WITHIN_MS / 2);
      expect(client.clock.now() - from).toBeLessThan(FAREWELL_WITHIN_MS + 5_000);
      expect(client.lines).toEqual([]);
    },
  );
});

describe('an answer that is final', () => {
  test('ends a session whose agent was started anew, in one line, and wsproxy exits 3', async () => {
    const { relay, client } = await talking();
    relay.replaceAgent();
    relay.drop('lost');
    await client.pass('it ends', () => client.code !== undefined);
    expect(client.code).toBe(3);
    expect(client.lines).toEqual([
      'the connection broke: the agent does not know this session any more (unknown_session)',
    ]);
  });

  test('of the relay ends the session, in one line', async () => {
    const { relay, client } = await lost('unauthorized');
    await client.pass('it ends', () => client.code !== undefined);
    expect(client.code).toBe(3);
    expect(client.lines).toEqual([
      `the connection broke: 127.0.0.1:${relay.port} refused: the stand-in says unauthorized (unauthorized)`,
    ]);
  });
});

describe("the agent's end", () => {
  test('gives up after its window, and ends its side cleanly', async () => {
    const clock = new ManualClock();
    const ends: StreamEnd[] = [];
    const received: string[] = [];
    const relay = await relayWith({
      clock,
      resumeWindowMs: 5_000,
      serve: (session) => session.attach(sinkInto(received, ends)),
    });
    const client = wsproxy(relay.url());
    client.input.write('last words');
    await client.pass('they arrive', () => received.join('') === 'last words');
    relay.answerWith('draining');
    relay.drop('lost');
    await until('it is noticed', () => kindsOf(relay).includes('detached'));
    clock.advance(4_999);
    expect(ends).toEqual([]);
    clock.advance(1);
    expect(ends).toEqual([{ reason: 'lost', detail: 'no connection for 5 seconds' }]);
    expect(relay.events.at(-1)).toEqual({ kind: 'given_up', afterMs: 5_000 });
    relay.answerWith(undefined);
    await client.pass('the client hears of it', () => client.code !== undefined);
    expect(client.lines.at(-1)).toContain('(unknown_session)');
  });
});

describe('a pinned host', () => {
  test('is checked once: the session goes on over another connection, where no key is shown', async () => {
    const host = createPinnedSshHost();
    const relay = await relayWith({ serve: (session) => host.serve(duplexOf(session)) });
    const client = wsproxy(`${relay.url()}#${host.fingerprint}`);
    const ssh = startSshClient(Duplex.from({ readable: client.output, writable: client.input }));
    await client.pass('somebody logs in', () => host.attempts() > 0);
    relay.drop('lost');
    await client.pass('the session is resumed', () => kindsOf(relay).includes('resumed'));
    expect(client.code).toBeUndefined();
    expect(client.lines).toEqual([]);
    ssh.stop();
  });

  test('that another one takes the place of meanwhile is out: its agent does not know the session', async () => {
    const hosts = [createPinnedSshHost(), createPinnedSshHost()] as const;
    let turn = 0;
    const relay = await relayWith({ serve: (session) => hosts[turn === 0 ? 0 : 1].serve(duplexOf(session)) });
    const client = wsproxy(`${relay.url()}#${hosts[0].fingerprint}`);
    const ssh = startSshClient(Duplex.from({ readable: client.output, writable: client.input }));
    await client.pass('somebody logs in', () => hosts[0].attempts() > 0);
    turn = 1;
    relay.replaceAgent();
    relay.drop('lost');
    await client.pass('the session ends', () => client.code !== undefined);
    expect(client.code).toBe(3);
    expect(hosts[1].attempts()).toBe(0);
    ssh.stop();
  });
});

describe('a plain client', () => {
  test('that speaks first is served as it is, by the same agent', async () => {
    const kinds: string[] = [];
    const relay = await relayWith({
      serve: (session, kind) => {
        kinds.push(kind);
        echo(session);
      },
    });
    const resuming = wsproxy(relay.url());
    await talk(resuming, 'framed');
    const socket = new WebSocket(relay.url());
    onTestFinished(() => socket.terminate());
    const received: string[] = [];
    socket.on('message', (data: Buffer) => received.push(data.toString()));
    socket.on('open', () => socket.send(Buffer.from('SSH-2.0-plain\r\n')));
    await until('it comes back', () => received.join('') === 'SSH-2.0-plain\r\n');
    expect(kinds).toEqual(['resumable', 'plain']);
    await talk(resuming, 'still framed');
  });

  test('that waits for the banner gets one', async () => {
    const relay = await relayWith({
      serve: (session, kind) => void session.write(Buffer.from(`hello ${kind}`)),
    });
    const socket = new WebSocket(relay.url());
    onTestFinished(() => socket.terminate());
    const received: string[] = [];
    socket.on('message', (data: Buffer) => received.push(data.toString()));
    await until('it comes', () => received.join('') === 'hello plain');
  });
});

function sinkInto(received: string[], ends: StreamEnd[]): Parameters<ByteStream['attach']>[0] {
  return {
    data: (chunk) => void received.push(chunk.toString()),
    drained: () => undefined,
    ended: (end) => void ends.push(end),
  };
}
