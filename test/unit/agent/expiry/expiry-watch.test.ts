// The expiry watch: the machine on a clock that stands still and a hold file that is real.
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createExpiryWatch,
  type ExpirySnapshot,
  type ExpiryWatch,
  HOLD_POLL_INTERVAL_MS,
} from '../../../../services/agent/expiry/expiry-watch.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const MINUTE = 60_000;
const START = 1_700_000_000_000;

describe('the expiry watch', () => {
  let directory: string;
  let holdFile: string;
  let clock: ManualClock;
  let watch: ExpiryWatch;
  let ends: string[];
  let warnings: [number, number][];
  let moves: ExpirySnapshot[];
  let holds: boolean[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'watch-'));
    holdFile = join(directory, '.hold');
    clock = new ManualClock(START);
    [ends, warnings, moves, holds] = [[], [], [], []];
    watch = createExpiryWatch({
      clock,
      holdFile,
      timeoutMs: 10 * MINUTE,
      maxLifetimeMs: 60 * MINUTE,
    });
    watch.start({
      onWarning: (level, remainingMs) => warnings.push([level, remainingMs]),
      onEnd: (reason) => ends.push(reason),
      onHoldChanged: ({ isHeld }) => holds.push(isHeld),
      onDeadlineMoved: (snapshot) => moves.push(snapshot),
    });
  });
  afterEach(async () => {
    watch.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Lets the polls see what the hold file is by now. */
  async function untilHeld(isHeld: boolean): Promise<void> {
    await expect
      .poll(() => {
        clock.advance(HOLD_POLL_INTERVAL_MS);
        return watch.snapshot()?.isHeld;
      })
      .toBe(isHeld);
  }

  async function touch(at: number): Promise<void> {
    await writeFile(holdFile, '');
    await utimes(holdFile, at / 1_000, at / 1_000);
  }

  test('ends at the deadline when nobody comes, after the three warnings', () => {
    clock.advance(10 * MINUTE);
    expect(warnings).toEqual([
      [5 * MINUTE, 5 * MINUTE],
      [MINUTE, MINUTE],
      [10_000, 10_000],
    ]);
    expect(ends).toEqual(['nobody_came']);
    expect(watch.snapshot()).toBeUndefined();
    expect(watch.snapshotOrEnd()).toMatchObject({ clients: 0, remainingMs: 0, deadline: clock.now() });
  });

  test('ends when the client leaves', async () => {
    watch.clientLoggedIn();
    void watch.clientLeft();
    await expect.poll(() => ends).toEqual(['client_left']);
  });

  test('stays until the deadline when the client is lost, and ends when another one leaves', async () => {
    watch.clientLoggedIn();
    clock.advance(MINUTE);
    watch.clientLost();
    expect(watch.snapshot()).toMatchObject({ clients: 0, deadline: START + 10 * MINUTE });
    clock.advance(MINUTE);
    watch.clientLoggedIn();
    void watch.clientLeft();
    await expect.poll(() => ends).toEqual(['client_left']);
  });

  test('stays when a client goes for which nothing ran', async () => {
    watch.clientLoggedIn();
    void watch.clientPassedBy();
    await expect.poll(() => watch.snapshot()?.clients).toBe(0);
    expect(ends).toEqual([]);
    clock.advance(10 * MINUTE);
    expect(ends).toEqual(['deadline']);
  });

  test('stays when the file was touched in the very moment before the client left', async () => {
    watch.clientLoggedIn();
    await touch(clock.now());
    void watch.clientLeft();
    await expect.poll(() => watch.snapshot()?.clients).toBe(0);
    expect(ends).toEqual([]);
    clock.advance(10 * MINUTE);
    expect(ends).toEqual(['deadline']);
  });

  test('stays when somebody else logged in while the file was looked at', async () => {
    watch.clientLoggedIn();
    void watch.clientLeft();
    watch.clientLoggedIn();
    await expect.poll(() => watch.snapshot()?.clients).toBe(1);
    expect(ends).toEqual([]);
  });

  test('sees `touch .hold` and `rm .hold`, and ends at once when a held agent is released', async () => {
    await touch(START + 20 * MINUTE);
    await untilHeld(true);
    expect(watch.snapshot()?.deadline).toBe(START + 30 * MINUTE);
    expect(moves.at(-1)).toMatchObject({ isHeld: true, deadline: START + 30 * MINUTE });
    watch.clientLoggedIn();
    void watch.clientLeft();
    await expect.poll(() => watch.snapshot()?.clients).toBe(0);
    await rm(holdFile);
    await expect
      .poll(() => {
        clock.advance(HOLD_POLL_INTERVAL_MS);
        return ends;
      })
      .toEqual(['released']);
  });

  test('holds and releases by itself', async () => {
    watch.clientLoggedIn();
    expect(await watch.hold(30 * MINUTE)).toMatchObject({
      deadline: START + 30 * MINUTE,
      isHeld: true,
      isCapped: false,
    });
    expect(await watch.hold(120 * MINUTE)).toMatchObject({ deadline: START + 60 * MINUTE, isCapped: true });
    expect(await watch.release()).toBe(true);
    expect(await watch.release()).toBe(false);
    expect(watch.snapshot()).toMatchObject({ isHeld: false, deadline: START + 10 * MINUTE });
    expect(holds).toEqual([true, false]);
  });

  test('lets activity move the deadline, and tells of it in steps', () => {
    watch.clientLoggedIn();
    for (let second = 0; second < 25; second += 1) {
      clock.advance(1_000);
      watch.activity();
    }
    clock.advance(10 * MINUTE - 1_000);
    expect(ends).toEqual([]);
    expect(moves.length).toBeLessThanOrEqual(3);
    clock.advance(1_000);
    expect(ends).toEqual(['deadline']);
  });

  test('warns again after activity in the last minutes', () => {
    watch.clientLoggedIn();
    clock.advance(6 * MINUTE);
    watch.activity();
    clock.advance(5 * MINUTE);
    expect(warnings.map(([level]) => level)).toEqual([5 * MINUTE, 5 * MINUTE]);
  });

  test('ends on request with the reason given, once', () => {
    watch.end('signal');
    watch.end('ended_by_user');
    clock.advance(60 * MINUTE);
    expect(ends).toEqual(['signal']);
  });

  test('calls nobody and leaves no timer after a stop, which may come twice', async () => {
    watch.clientLoggedIn();
    watch.stop();
    watch.stop();
    void watch.clientLeft();
    clock.advance(60 * MINUTE);
    await watch.release();
    expect(ends).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
