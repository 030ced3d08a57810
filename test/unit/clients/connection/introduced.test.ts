// Connecting to a relay that asks who comes: a person's time is not that of the wait, and what did not work is said in one line.
import { expect, test } from 'vitest';
import type { Prover } from '#shared/identity/proof-maker.ts';
import { IDENTITY_HEADER } from '#shared/protocol/identity.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { pause } from '#shared/time/pause.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';
import { parseClientUrl } from '../../../../services/clients/connection/client-url.ts';
import { type ConnectOutcome, connect } from '../../../../services/clients/connection/connect.ts';
import { Introduction } from '../../../../services/clients/identity/introduction.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const DIAL_MS = 10;
const MINUTE_MS = 60_000;

interface Run {
  readonly outcome: ConnectOutcome;
  readonly tookMs: number;
  readonly notices: { readonly at: number; readonly line: string }[];
  /** What the relay was asked to wait, in seconds, by dials with a proof. */
  readonly waits: (string | null)[];
}

interface Setting {
  readonly abortAtMs?: number;
  /** The relay is gone once it has asked. */
  readonly isAway?: true;
}

/** The relay asks who comes, and knows of no agent. */
async function run(
  prover: (clock: ManualClock) => Prover,
  waitMs: number,
  { abortAtMs, isAway }: Setting = {},
): Promise<Run> {
  const parsed = parseClientUrl('wss://relay.example/client/job');
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  const { target } = parsed;
  const clock = new ManualClock(0);
  const { signal } = new AbortController();
  const introduction = new Introduction({
    relay: target.url,
    id: target.id,
    proxy: undefined,
    prover: prover(clock),
    clock,
    signal,
  });
  const notices: Run['notices'] = [];
  const waits: Run['waits'] = [];
  let asked = 0;
  const abort = new AbortController();
  if (abortAtMs !== undefined) clock.after(abortAtMs, () => abort.abort());
  const ended: { readonly outcome: ConnectOutcome; readonly tookMs: number }[] = [];
  void connect({
    target,
    proxy: undefined,
    waitMs,
    relayPatienceMs: waitMs,
    introduction,
    clock,
    notify: (line) => notices.push({ at: clock.now(), line }),
    random: () => 0.5,
    signal: abort.signal,
    async dial(url, { headers = {} }): Promise<FailedDial> {
      await pause(clock, DIAL_MS);
      const isKnown = headers[IDENTITY_HEADER] !== undefined;
      if (isAway === true && asked++ > 0) return { kind: 'unreachable', code: 'ECONNREFUSED', detail: '' };
      if (isKnown) waits.push(url.searchParams.get('wait'));
      // A relay waits for the agent as long as it is asked to.
      if (isKnown) await pause(clock, Number(url.searchParams.get('wait')) * 1_000);
      const code = isKnown ? 'agent_not_found' : 'identity_required';
      const demand = isKnown ? {} : { demand: { kinds: ['token'] as const, challenge: 'c' } };
      const refusal = { code, message: new Untrusted(`says ${code}`), ...demand } as const;
      return { kind: 'refused', status: isKnown ? 404 : 401, refusal };
    },
  }).then((outcome) => {
    ended.push({ outcome, tookMs: clock.now() });
  });
  for (let turn = 0; ended.length === 0 && turn < 100_000; turn++) {
    await new Promise(setImmediate);
    clock.advance(100);
  }
  const [end] = ended;
  if (end === undefined) throw new Error('connect did not finish');
  return { ...end, notices, waits };
}

/** A proof that takes that long. */
function slowProof(ms: number): (clock: ManualClock) => Prover {
  return (clock) => ({
    makersFor: () =>
      Promise.resolve({
        kind: 'found',
        makers: [
          {
            kind: 'token',
            name: 'the token',
            async make() {
              await pause(clock, ms);
              return { kind: 'made', identity: { kind: 'token', token: 'secret' } };
            },
          },
        ],
      }),
  });
}

test('the time that a person takes to sign on is not that of the wait for the agent', async () => {
  const { outcome, tookMs, waits } = await run(slowProof(5 * MINUTE_MS), 10_000);
  expect(outcome).toMatchObject({ kind: 'refused', message: expect.stringContaining('no agent `job`') });
  expect(tookMs).toBeGreaterThanOrEqual(5 * MINUTE_MS + 10_000);
  expect(tookMs).toBeLessThan(5 * MINUTE_MS + 12_000);
  // The first goes without a wait: whether the proof counts is known at once. Those behind it wait.
  expect(waits[0]).toBeNull();
  expect(Number(waits[1])).toBeGreaterThanOrEqual(9);
});

test('while a person signs on nobody says that something is waited for; afterwards it is the agent', async () => {
  const { notices } = await run(slowProof(5 * MINUTE_MS), 10_000);
  expect(notices.map(({ line }) => line)).toEqual([
    'waiting for agent `job` at relay.example:443, for up to 10 seconds',
  ]);
  expect(notices[0]?.at).toBeGreaterThanOrEqual(5 * MINUTE_MS + 3_000);
});

test('who gives up while a person signs on is gone at once', async () => {
  const { outcome, tookMs } = await run(slowProof(5 * MINUTE_MS), 10_000, { abortAtMs: 20_000 });
  expect(outcome).toEqual({ kind: 'aborted' });
  expect(tookMs).toBeLessThanOrEqual(20_200);
});

test('without a proof it is a refusal that says what to do, and is not asked again', async () => {
  const message = 'it takes a token: set CONVERGE_TOKEN';
  const { outcome, tookMs, notices } = await run(
    () => ({ makersFor: () => Promise.resolve({ kind: 'none', message }) }),
    10_000,
  );
  expect(outcome).toEqual({
    kind: 'refused',
    message: `relay.example asks clients who they are: ${message}`,
  });
  expect(tookMs).toBeLessThan(1_000);
  expect(notices).toEqual([]);
});

test('a relay that is gone by the time of the proof has all the patience that others have', async () => {
  const { outcome, tookMs } = await run(slowProof(5 * MINUTE_MS), 10_000, { isAway: true });
  expect(outcome).toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('connection refused'),
  });
  expect(tookMs).toBeGreaterThanOrEqual(5 * MINUTE_MS + 9_000);
  expect(tookMs).toBeLessThan(5 * MINUTE_MS + 12_000);
});
