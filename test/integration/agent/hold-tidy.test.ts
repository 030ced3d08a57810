// What is left of a hold when the agent has ended: nothing of its own, and all that somebody else has touched.
import { access, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createExpiryWatch, type ExpiryWatch } from '../../../services/agent/expiry/expiry-watch.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';

const MINUTE = 60_000;
/** No multiple of the steps below, and neither is what a hold adds to it. */
const START = 1_700_000_001_234;

/** How the file system keeps times, and what happens meanwhile. */
const fileSystem = vi.hoisted(() => ({ stepSeconds: 0.001, onWrite: () => {} }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<{ readonly utimes: typeof utimes }>();
  return {
    ...original,
    utimes(path: string, accessed: number, modified: number) {
      fileSystem.onWrite();
      const { stepSeconds } = fileSystem;
      const kept = stepSeconds < 1 ? modified : Math.floor(modified / stepSeconds) * stepSeconds;
      return original.utimes(path, accessed, kept);
    },
  };
});

describe('the end of an agent', () => {
  let directory: string;
  let holdFile: string;
  let watch: ExpiryWatch;

  beforeEach(async () => {
    Object.assign(fileSystem, { stepSeconds: 0.001, onWrite: () => {} });
    directory = await mkdtemp(join(tmpdir(), 'tidy-'));
    holdFile = join(directory, '.hold');
    watch = makeWatch();
  });
  afterEach(async () => {
    watch.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function makeWatch(): ExpiryWatch {
    const clock = new ManualClock(START);
    const made = createExpiryWatch({ clock, holdFile, timeoutMs: 10 * MINUTE, maxLifetimeMs: 60 * MINUTE });
    made.start({ onWarning() {}, onEnd() {}, onHoldChanged() {}, onDeadlineMoved() {} });
    return made;
  }

  async function isThere(): Promise<boolean> {
    return access(holdFile).then(
      () => true,
      () => false,
    );
  }

  test.each([
    ['milliseconds', 0.001],
    ['steps of 2 s, as FAT has them', 2],
  ])('takes away what a hold has written, where times are kept in %s', async (_name, stepSeconds) => {
    fileSystem.stepSeconds = stepSeconds;
    await watch.tidy();
    expect(await watch.hold(30 * MINUTE)).toMatchObject({ kind: 'held' });
    expect(await isThere()).toBe(true);
    watch.end('ended_by_user');
    await watch.tidy();
    await watch.tidy();
    expect(await isThere()).toBe(false);
  });

  test('leaves what somebody touched after the hold', async () => {
    await watch.hold(30 * MINUTE);
    const at = (START + 5 * MINUTE) / 1_000;
    await utimes(holdFile, at, at);
    watch.end('ended_by_user');
    await watch.tidy();
    expect(await isThere()).toBe(true);
  });

  test('leaves a longer hold of somebody else, which a hold kept', async () => {
    const other = makeWatch();
    await other.hold(50 * MINUTE);
    expect(await watch.hold(30 * MINUTE)).toMatchObject({ kind: 'kept' });
    watch.end('ended_by_user');
    await watch.tidy();
    expect(await isThere()).toBe(true);
    other.end('ended_by_user');
    await other.tidy();
    expect(await isThere()).toBe(false);
  });

  test('takes away what a hold writes while it ends', async () => {
    let tidied: Promise<void> | undefined;
    fileSystem.onWrite = () => {
      watch.end('ended_by_user');
      tidied = watch.tidy();
    };
    expect(await watch.hold(30 * MINUTE)).toEqual({ kind: 'ended' });
    expect(tidied).toBeDefined();
    await tidied;
    expect(await isThere()).toBe(false);
  });

  test('takes no hold any more, also where no relay took the agent', async () => {
    watch.stop();
    expect(await watch.hold(30 * MINUTE)).toEqual({ kind: 'ended' });
    expect(await isThere()).toBe(false);
  });
});
