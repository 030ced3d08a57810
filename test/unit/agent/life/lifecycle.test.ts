// The end of an agent: it waits for no file system.
import { expect, test } from 'vitest';
import { snapshotAtEnd } from '../../../../services/agent/expiry/expiry-snapshot.ts';
import { Lifecycle, REMOVED_WITHIN_MS } from '../../../../services/agent/life/lifecycle.ts';
import type { LogEvent } from '../../../../services/agent/notices/log-line.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const START = 1_700_000_000_000;

interface Hanging {
  readonly tidy?: Promise<void>;
  readonly command?: Promise<void>;
}

function lifecycleOf({ tidy = Promise.resolve(), command = Promise.resolve() }: Hanging) {
  const clock = new ManualClock(START);
  const done: string[] = [];
  const told: LogEvent[] = [];
  const step = (name: string) => () => {
    done.push(name);
  };
  const laterStep = (name: string) => () => {
    done.push(name);
    return Promise.resolve();
  };
  const lifecycle = new Lifecycle({
    clock,
    ownUrl: 'https://relay.example',
    log: { tell: (event) => told.push(event), remind: () => () => {} },
    strangers: { stop: step('strangers') },
    unreadable: { stop: step('unreadable') },
    command: { stop: () => command },
    watch: {
      end: step('watch end'),
      relayLeaves() {},
      snapshotOrEnd: () => snapshotAtEnd(START),
      stop: step('watch'),
      tidy: () => tidy,
    },
    link: { stop: step('link') },
    audit: { close: step('audit') },
    records: { told: laterStep('records told'), stop: step('records') },
    ssh: { stop: laterStep('ssh') },
    intake: { stop: laterStep('intake') },
    announcement: () => [],
    refusalNotice: () => [],
    outlets: { close: laterStep('outlets') },
    print() {},
    complain() {},
    onAnnounced() {},
  });
  return { clock, done, told, lifecycle };
}

const NEVER = new Promise<void>(() => {});

test.each([
  ['the hold file', { tidy: NEVER }],
  ['the files of the command', { command: NEVER }],
] as const)(
  'ends, and closes all, where %s cannot be removed and nobody says why',
  async (_name, hanging) => {
    const { clock, done, told, lifecycle } = lifecycleOf(hanging);
    lifecycle.expired('signal');
    await expect.poll(() => done).toContain('strangers');
    expect(done).toEqual(expect.arrayContaining(['watch', 'ssh', 'intake', 'audit', 'records', 'link']));
    expect(told).toEqual([]);
    clock.advance(REMOVED_WITHIN_MS);
    expect(await lifecycle.ended).toEqual({ code: 0, verdict: { kind: 'none' } });
    expect(told).toEqual([{ kind: 'ended', reason: 'signal', exitCode: 0 }]);
  },
);

test('ends when the files are gone, without waiting for any time', async () => {
  const { promise: tidy, resolve } = Promise.withResolvers<void>();
  const { done, told, lifecycle } = lifecycleOf({ tidy });
  lifecycle.expired('signal');
  await expect.poll(() => done).toContain('strangers');
  expect(told).toEqual([]);
  resolve();
  expect(await lifecycle.ended).toEqual({ code: 0, verdict: { kind: 'none' } });
});
