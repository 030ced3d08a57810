// The deletion cost: what is written, and how seldom.
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { ApiRequest, ApiServer } from '../../../../services/relay/kubernetes/api-server.ts';
import { ApiTroubles, DENIED_RETRY_MS } from '../../../../services/relay/kubernetes/api-troubles.ts';
import { workOf } from '../../../../services/relay/kubernetes/cluster.ts';
import { costOf, DeletionCost, WRITE_EVERY_MS } from '../../../../services/relay/kubernetes/deletion-cost.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

describe('the deletion cost', () => {
  let clock: ManualClock;
  let cost: DeletionCost;
  let status: number;
  let written: string[];
  let warnings: unknown[];
  let troubles: string[];

  const api: ApiServer = {
    async send({ body }: ApiRequest, signal: AbortSignal) {
      const cost = body?.text.match(/-cost":"(.*?)"/)?.[1] ?? 'nothing';
      // Whoever sends aborts its signal when it is done.
      signal.addEventListener('abort', () => written.push(cost));
      return { status, chunks: new Blob(['{}']).stream() };
    },
  };

  beforeEach(() => {
    [status, written, warnings, troubles] = [200, [], [], []];
    clock = new ManualClock();
    const log = { info: () => undefined, warn: (fields: unknown) => void warnings.push(fields) };
    const recorder = {
      clusterCallFailed: (call: string, trouble: string) => void troubles.push(`${call} ${trouble}`),
    };
    cost = new DeletionCost({
      namespace: 'ci',
      pod: 'relay-a',
      clock,
      troubles: new ApiTroubles('patch', log, recorder),
    });
  });

  /** Waits until that many writes were answered, and what follows from the last is done. */
  async function settle(count: number): Promise<void> {
    await vi.waitFor(() => expect(written).toHaveLength(count), { timeout: 10_000 });
    await new Promise((resolve) => setImmediate(resolve));
  }

  test('is written at the first report, also when it is 0: an earlier process may have left another', async () => {
    cost.start(api);
    cost.report(0);
    clock.advance(0);
    await settle(1);
    expect(written).toEqual(['0']);
  });

  test('is written at most once a minute, and then the latest', async () => {
    cost.report(1);
    cost.start(api);
    clock.advance(0);
    await settle(1);
    for (let load = 2; load <= 50; load += 1) cost.report(load);
    clock.advance(WRITE_EVERY_MS - 1);
    expect(written).toEqual(['1']);
    clock.advance(1);
    await settle(2);
    expect(written).toEqual(['1', '50']);
  });

  test('is not written again while it stays the same, or comes back to the same', async () => {
    cost.start(api);
    cost.report(5);
    clock.advance(0);
    await settle(1);
    cost.report(5);
    expect(clock.pending).toBe(0);
    cost.report(6);
    cost.report(5);
    clock.advance(WRITE_EVERY_MS * 3);
    expect(written).toEqual(['5']);
  });

  test.each([401, 403])(
    'is left alone for long after a %i, with one warning and a count of each',
    async (denial) => {
      status = denial;
      cost.start(api);
      cost.report(1);
      clock.advance(0);
      await settle(1);
      clock.advance(DENIED_RETRY_MS - 1);
      expect(written).toHaveLength(1);
      clock.advance(1);
      await settle(2);
      expect(warnings).toHaveLength(1);
      expect(troubles).toEqual(['patch denied', 'patch denied']);
    },
  );

  test('is tried again a minute after a fault, and told once', async () => {
    status = 500;
    cost.start(api);
    cost.report(1);
    clock.advance(0);
    await settle(1);
    clock.advance(WRITE_EVERY_MS);
    await settle(2);
    status = 200;
    clock.advance(WRITE_EVERY_MS);
    await settle(3);
    expect(clock.pending).toBe(0);
    expect(warnings).toHaveLength(1);
    expect(troubles).toEqual(['patch failed', 'patch failed']);
  });

  test('is not written once stopped', async () => {
    const stop = cost.start(api);
    cost.report(1);
    stop();
    stop();
    cost.report(2);
    expect(clock.pending).toBe(0);
    clock.advance(WRITE_EVERY_MS);
    expect(written).toEqual([]);
  });

  test('fits into an int32', () => {
    expect([0, 1.4, 99.5, 1e12, -4, Number.NaN, Number.POSITIVE_INFINITY].map(costOf)).toEqual([
      0, 1, 100, 2_147_483_647, 0, 0, 2_147_483_647,
    ]);
  });

  test('rises with agents, and more with sessions', () => {
    expect(workOf({ agents: 0, sessions: 0 })).toBe(0);
    expect(workOf({ agents: 1, sessions: 0 })).toBeLessThan(workOf({ agents: 0, sessions: 1 }));
    expect(workOf({ agents: 3, sessions: 2 })).toBe(23);
  });
});
