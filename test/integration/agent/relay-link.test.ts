// The agent's relay link, against a WebSocket server that plays relays of every mood.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { AgentStatus, Dial, Welcome } from '#shared/protocol/control-messages.ts';
import {
  FIRST_LINK_PATIENCE_MS,
  type LinkFailure,
  TAKEN_PATIENCE_MS,
} from '../../../services/agent/relay/link-failure.ts';
import { dialControlLink } from '../../../services/agent/relay/relay-dialler.ts';
import {
  createRelayLink,
  type RelayLink,
  WELCOME_WITHIN_MS,
} from '../../../services/agent/relay/relay-link.ts';
import { MoodyRelay } from '../../support/relay/moody-relay.ts';
import { NO_PROOF } from '../../support/relay/no-proof.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';

/** Everything that a link told, and the clock that drives it. */
class Listener {
  readonly clock = new ManualClock();
  readonly welcomes: Welcome[] = [];
  readonly dials: Dial[] = [];
  readonly unreadable: string[] = [];
  readonly losses: CloseReason[] = [];
  readonly troubles: LinkFailure[] = [];
  failure: LinkFailure | undefined;
  isBusy = false;
  status: AgentStatus = { type: 'status', clients: 0, detached: 0, expiresAt: 7 };
  link: RelayLink | undefined;

  start(base: string): void {
    this.create(base);
    this.hear();
  }

  create(base: string, dial = dialControlLink): void {
    this.link = createRelayLink({
      target: { base, id: 'job', claim: 'c'.repeat(43), proxy: undefined },
      clock: this.clock,
      random: () => 0.5,
      prover: NO_PROOF,
      dial,
    });
  }

  hear(): void {
    this.link?.start({
      status: () => this.status,
      onWelcome: (welcome) => this.welcomes.push(welcome),
      onDial: (dial) => this.dials.push(dial),
      onUnreadableDial: (detail) => this.unreadable.push(detail),
      onLost: (reason) => this.losses.push(reason),
      isBusy: () => this.isBusy,
      onTrouble: (failure) => this.troubles.push(failure),
      onFailed: (failure) => {
        this.failure = failure;
      },
    });
  }
}

let relay: MoodyRelay;
let base: string;
const listener = { current: new Listener() };

/** A relay, and a listener that has no link yet. */
async function prepare(mood: MoodyRelay['mood'] = 'welcome', retryAfter?: string): Promise<Listener> {
  relay = new MoodyRelay();
  relay.mood = mood;
  relay.retryAfter = retryAfter;
  base = await relay.start();
  listener.current = new Listener();
  return listener.current;
}

async function begin(mood: MoodyRelay['mood'] = 'welcome', retryAfter?: string): Promise<Listener> {
  const heard = await prepare(mood, retryAfter);
  heard.start(base);
  return heard;
}

afterEach(() => {
  listener.current.link?.stop();
  relay.stop();
});

/** Lets the network go on, and time by `stepMs` at each look, until `condition` holds. */
async function until(condition: () => boolean, stepMs = 0): Promise<void> {
  const giveUpAt = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > giveUpAt) throw new Error(`never came true: ${String(condition)}`);
    listener.current.clock.advance(stepMs);
    await setImmediate();
  }
}

describe('a relay link', () => {
  test('is welcomed, and takes dials', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    expect(heard.welcomes[0]).toMatchObject({ epoch: 1, publicUrl: 'https://relay.test' });
    expect(relay.handshakes).toEqual([{ claim: 'c'.repeat(43), grant: undefined, path: '/agent/job' }]);
    relay.links[0]?.send(JSON.stringify({ type: 'dial', ticket: 't', client: '192.0.2.1', resumable: true }));
    await until(() => heard.dials.length === 1);
    expect(heard.dials).toEqual([{ type: 'dial', ticket: 't', client: '192.0.2.1', resumable: true }]);
  });

  test('that is dialled ahead of its start hears from then on what the relay has said', async () => {
    const heard = await prepare();
    heard.create(base);
    heard.link?.dialAhead();
    await until(() => relay.links.length === 1);
    expect(heard.welcomes).toEqual([]);
    heard.hear();
    await until(() => heard.welcomes.length === 1);
    expect(relay.handshakes).toHaveLength(1);
  });

  test('that was dialled ahead of its start and lost before is dialled again', async () => {
    const heard = await prepare();
    heard.create(base);
    heard.link?.dialAhead();
    await until(() => relay.links.length === 1);
    relay.links[0]?.terminate();
    heard.hear();
    await until(() => heard.welcomes.at(-1)?.epoch === 2, 10);
    expect(relay.handshakes).toHaveLength(2);
    expect(heard.failure).toBeUndefined();
  });

  test('that was dialled ahead of its start and was gone by then is dialled again, and says so', async () => {
    const heard = await prepare('silent');
    const gone = Promise.withResolvers<void>();
    heard.create(base, async (...how) => {
      const outcome = await dialControlLink(...how);
      if (outcome.kind === 'open') outcome.socket.once('close', () => gone.resolve());
      return outcome;
    });
    heard.link?.dialAhead();
    await until(() => relay.links.length === 1);
    relay.links[0]?.terminate();
    await gone.promise;
    relay.mood = 'welcome';
    heard.hear();
    await until(() => heard.welcomes.length === 1, 10);
    expect(heard.troubles.map(({ message }) => message)).toEqual([
      expect.stringContaining('closed it (lost)'),
    ]);
  });

  test('that was refused ahead of its start says so from then on', async () => {
    const heard = await prepare('id_taken');
    heard.create(base);
    heard.link?.dialAhead();
    await until(() => relay.handshakes.length === 1);
    heard.hear();
    await until(() => heard.troubles.length === 1);
    expect(relay.handshakes).toHaveLength(1);
  });

  test('that is lost is dialled again with the same claim, and says so once', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    relay.links[0]?.terminate();
    await until(() => heard.welcomes.length === 2, 10);
    expect(heard.losses).toEqual(['lost']);
    expect(new Set(relay.handshakes.map(({ claim }) => claim))).toEqual(new Set(['c'.repeat(43)]));
  });

  test('that is told to go away is closed only after its successor is up', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    const [old] = relay.links;
    let closedBeforeSuccessor: boolean | undefined;
    old?.on('close', () => {
      closedBeforeSuccessor = heard.welcomes.length < 2;
    });
    old?.send(JSON.stringify({ type: 'goaway', reason: 'restart', seconds: 30 }));
    await until(() => closedBeforeSuccessor !== undefined, 10);
    expect(closedBeforeSuccessor).toBe(false);
    expect(heard.losses).toEqual([]);
  });

  test('tells each new relay the last status', async () => {
    const heard = await begin();
    heard.status = { type: 'status', clients: 2, detached: 1, expiresAt: 7 };
    heard.link?.statusChanged();
    await until(() => heard.welcomes.length === 1);
    relay.links[0]?.terminate();
    await until(() => relay.links.length === 2, 10);
    const [message] = (await once(relay.links[1] as WebSocket, 'message')) as [Buffer];
    expect(JSON.parse(message.toString())).toEqual({ type: 'status', clients: 2, detached: 1, expiresAt: 7 });
  });

  test('tells what became of a session once: to the relay that is there, or to the next one', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    const resumed = { type: 'resumption', outcome: 'resumed', afterMs: 40 } as const;
    heard.link?.tell(resumed);
    const [first] = (await once(relay.links[0] as WebSocket, 'message')) as [Buffer];
    expect(JSON.parse(first.toString())).toEqual(resumed);
    relay.mood = 'draining';
    relay.links[0]?.terminate();
    await until(() => heard.losses.length === 1);
    const givenUp = { type: 'resumption', outcome: 'given_up', afterMs: 120_000 } as const;
    heard.link?.tell(givenUp);
    relay.mood = 'welcome';
    await until(() => relay.links.length === 2, 10);
    const [second] = (await once(relay.links[1] as WebSocket, 'message')) as [Buffer];
    expect(JSON.parse(second.toString())).toEqual(givenUp);
    // What is told next is not preceded by anything that was told before.
    heard.link?.statusChanged();
    const [third] = (await once(relay.links[1] as WebSocket, 'message')) as [Buffer];
    expect(JSON.parse(third.toString())).toMatchObject({ type: 'status' });
  });

  test('that was up once is dialled for ever', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    relay.mood = 'draining';
    relay.links[0]?.terminate();
    await until(() => relay.handshakes.length > 20, 1_000);
    heard.clock.advance(FIRST_LINK_PATIENCE_MS);
    await until(() => relay.handshakes.length > 25, 1_000);
    relay.mood = 'welcome';
    await until(() => heard.welcomes.length === 2, 100);
    expect(heard.failure).toBeUndefined();
  });

  test('to a relay that does not answer is given up after its patience, and says so once before', async () => {
    const heard = await begin('draining');
    await until(() => heard.failure !== undefined, 500);
    expect(heard.troubles).toHaveLength(1);
    expect(heard.failure).toMatchObject({ kind: 'unreachable', patienceMs: FIRST_LINK_PATIENCE_MS });
    expect(heard.clock.now() - 1_000_000).toBeGreaterThanOrEqual(FIRST_LINK_PATIENCE_MS);
  });

  test('with a taken ID tries for one lease, then fails as refused', async () => {
    const heard = await begin('id_taken');
    await until(() => heard.failure !== undefined, 500);
    expect(heard.troubles).toHaveLength(1);
    expect(heard.failure).toMatchObject({ kind: 'refused', patienceMs: TAKEN_PATIENCE_MS });
    expect(relay.handshakes.length).toBeGreaterThan(3);
  });

  test('that lost its ID to another agent goes on for as long as somebody is in a session, then fails', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    heard.isBusy = true;
    relay.mood = 'id_taken';
    relay.links[0]?.close(4409, 'superseded');
    await until(() => heard.troubles.length === 1, 500);
    expect(heard.troubles[0]).toMatchObject({ kind: 'usurped', patienceMs: TAKEN_PATIENCE_MS });
    heard.clock.advance(10 * TAKEN_PATIENCE_MS);
    const tried = relay.handshakes.length;
    await until(() => relay.handshakes.length > tried + 3, 500);
    expect(heard.failure).toBeUndefined();
    heard.isBusy = false;
    await until(() => heard.failure !== undefined, 500);
    expect(heard.failure?.kind).toBe('usurped');
    expect(heard.troubles).toHaveLength(1);
  });

  test('whose ID another agent had for a moment, twice within hours, has not lost it', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    relay.mood = 'id_taken';
    relay.links[0]?.terminate();
    await until(() => heard.troubles.length === 1, 10);
    relay.mood = 'draining';
    await until(() => heard.troubles.length === 2, 10);
    heard.clock.advance(TAKEN_PATIENCE_MS);
    relay.mood = 'id_taken';
    await until(() => heard.troubles.length === 3 || heard.failure !== undefined, 10);
    expect(heard.failure).toBeUndefined();
    expect(heard.troubles.map(({ kind }) => kind)).toEqual(['usurped', 'unreachable', 'usurped']);
    await until(() => heard.failure !== undefined, 1_000);
    expect(heard.failure?.kind).toBe('usurped');
  });

  test('that gets its ID back from another agent is as it was', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    relay.mood = 'id_taken';
    relay.links[0]?.close(4409, 'superseded');
    await until(() => heard.troubles.length === 1, 500);
    relay.mood = 'welcome';
    await until(() => heard.welcomes.length === 2, 500);
    expect(heard.failure).toBeUndefined();
  });

  test('shows the newest grant with its next dial, and none that is no header value', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    const [link] = relay.links;
    for (const grant of ['first', 'newest', 'a\r\nb', '', 'ü', 'x'.repeat(513)])
      link?.send(JSON.stringify({ type: 'grant', grant }));
    link?.send(JSON.stringify({ type: 'goaway', reason: 'restart', seconds: 1 }));
    await until(() => relay.handshakes.length === 2, 500);
    expect(relay.handshakes.map(({ grant }) => grant)).toEqual([undefined, 'newest']);
  });

  test.each([
    ['upgrade_required', 'version'],
    ['unauthorized', 'refused'],
    ['invalid_id', 'refused'],
  ] as const)('that is refused as %s fails at once', async (mood, kind) => {
    const heard = await begin(mood);
    await until(() => heard.failure !== undefined);
    expect(heard.failure).toMatchObject({
      kind,
      message: expect.stringContaining('because the test says so'),
    });
    expect(relay.handshakes).toHaveLength(1);
  });

  test('to a relay that asks for a wait is not dialled before, and says so', async () => {
    const heard = await begin('rate_limited', '7');
    await until(() => heard.troubles.length === 1);
    expect(heard.troubles[0]?.message).toMatch(
      / asks to wait 7 s: because the test says so \(rate_limited\)$/,
    );
    const refusedAt = heard.clock.now();
    relay.mood = 'welcome';
    await until(() => relay.handshakes.length === 2, 100);
    // With the jitter of a half of a half.
    expect(heard.clock.now() - refusedAt).toBeGreaterThanOrEqual(8_700);
    expect(heard.clock.now() - refusedAt).toBeLessThan(9_500);
    await until(() => heard.welcomes.length === 1);
  });

  test('that is asked to wait longer than its patience asks for the last time when that is over', async () => {
    const heard = await begin('overloaded', '60');
    await until(() => heard.failure !== undefined, 500);
    expect(relay.handshakes).toHaveLength(2);
    // The clock goes on in steps while the network answers.
    expect(heard.clock.now() - 1_000_000).toBeLessThan(FIRST_LINK_PATIENCE_MS + 20_000);
  });

  test.each(['-1', 'soon', '99999999', '0'])('is dialled as ever after Retry-After: %s', async (header) => {
    const heard = await begin('rate_limited', header);
    await until(() => heard.troubles.length === 1);
    const refusedAt = heard.clock.now();
    relay.mood = 'welcome';
    await until(() => relay.handshakes.length === 2, 10);
    expect(heard.clock.now() - refusedAt).toBeLessThan(1_000);
  });

  test('to something that opens it and never says welcome is no link', async () => {
    const heard = await begin('silent');
    await until(() => heard.troubles.length === 1, 500);
    expect(heard.clock.now() - 1_000_000).toBeGreaterThanOrEqual(WELCOME_WITHIN_MS);
    expect(heard.troubles[0]?.message).toContain('it may be no relay');
    await until(() => heard.failure !== undefined, 1_000);
    expect(heard.failure?.kind).toBe('unreachable');
  });

  test('that is stopped before its welcome says goodbye at once, and hears nothing more', async () => {
    const heard = await begin('silent');
    await until(() => relay.links.length === 1);
    const [link] = relay.links;
    // The client's end of it must have been opened, or there is nobody to say goodbye.
    await until(() => heard.clock.pending > 1);
    heard.link?.stop();
    link?.send(
      JSON.stringify({ type: 'welcome', id: 'job', epoch: 1, pod: 'p', publicUrl: 'http://late.test' }),
    );
    const [code] = (await once(link as WebSocket, 'close')) as [number];
    expect(code).toBe(1000);
    expect(heard.welcomes).toEqual([]);
  });

  test('says goodbye when it is stopped, and dials no more', async () => {
    const heard = await begin();
    await until(() => heard.welcomes.length === 1);
    heard.link?.stop();
    heard.link?.stop();
    const [code] = (await once(relay.links[0] as WebSocket, 'close')) as [number];
    expect(code).toBe(1000);
    heard.clock.advance(60_000);
    await setImmediate();
    expect(relay.handshakes).toHaveLength(1);
    expect(heard.losses).toEqual([]);
  });
});
