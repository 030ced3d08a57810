// A newcomer behind a balancer of which two pods in three are of no use: within the patience that README states, it gets in.
import { expect, test } from 'vitest';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { StreamDialOutcome } from '#shared/websocket/dial-stream.ts';
import { connect } from '../../../../services/clients/connection/connect.ts';
import { parseWsproxyCommand } from '../../../../services/clients/wsproxy/cli.ts';
import { randomFrom } from '../../../support/chance/seeded-random.ts';
import { FakeStream } from '../../../support/stream/fake-stream.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

/** The words of README: what a relay gets that does not answer. */
const PATIENCE_MS = 20_000;

const NEWCOMERS = 300;

type Flaw = Exclude<StreamDialOutcome, { kind: 'open' }>;

const REFUSED: Flaw = { kind: 'unreachable', code: 'ECONNREFUSED', detail: 'connection refused' };
const RESET: Flaw = { kind: 'unreachable', code: 'ECONNRESET', detail: 'socket hang up' };
const NO_BACKEND: Flaw = { kind: 'refused', status: 503, refusal: undefined };
const DRAINING: Flaw = {
  kind: 'refused',
  status: 503,
  refusal: { code: 'draining', message: new Untrusted('moving') },
};

/** One run without --wait, in which a dial is answered by one of `pods`, whichever chance chooses. */
async function arrive(pods: readonly (Flaw | 'usable')[], random: () => number) {
  const command = parseWsproxyCommand(['ws://relay.example/client/job'], {});
  if (command.kind !== 'run') throw new Error(command.kind);
  const clock = new ManualClock(0);
  let tries = 0;
  const outcomes: string[] = [];
  void connect({
    ...command.destination,
    clock,
    random,
    notify: () => undefined,
    dial: () => {
      tries += 1;
      const pod = pods[Math.floor(random() * pods.length)] ?? 'usable';
      return Promise.resolve(pod === 'usable' ? { kind: 'open', stream: new FakeStream() } : pod);
    },
  }).then(({ kind }) => {
    outcomes.push(kind);
  });
  for (;;) {
    await new Promise(setImmediate);
    const [outcome] = outcomes;
    if (outcome !== undefined) return { outcome, tries, tookMs: clock.now() };
    clock.advance(50);
  }
}

test.each([
  ['refuse', [REFUSED, REFUSED]],
  ['break off', [RESET, RESET]],
  ['are gone, and the balancer says so', [NO_BACKEND, NO_BACKEND]],
  ['are draining', [DRAINING, DRAINING]],
  ['are each out of order in another way', [RESET, DRAINING]],
] as const)('all newcomers get in where two pods in three %s', async (_how, others) => {
  const random = randomFrom(20_261);
  const outcomes: string[] = [];
  for (let count = 0; count < NEWCOMERS; count += 1) {
    outcomes.push((await arrive(['usable', ...others], random)).outcome);
  }
  expect(outcomes.filter((outcome) => outcome !== 'connected')).toEqual([]);
});

test.each([
  ['refuse', REFUSED],
  ['break off', RESET],
  ['are gone, and the balancer says so', NO_BACKEND],
])(
  'where all pods %s it tries for as long as README says, about twice a second, and no longer',
  async (_how, flaw) => {
    const { outcome, tries, tookMs } = await arrive([flaw], () => 0.5);
    expect(outcome).toBe('unreachable');
    expect(tookMs).toBeGreaterThanOrEqual(PATIENCE_MS);
    expect(tookMs).toBeLessThan(PATIENCE_MS + 100);
    // One in three would be missed every time once in ten million.
    expect((2 / 3) ** tries).toBeLessThan(1e-7);
    expect(tries).toBeLessThan(60);
  },
);
