// Transfers by sftp that are in progress while the world falls apart.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { hashOf, makeBytes } from '../laptop/bytes.ts';
import type { Way } from '../laptop/laptop.ts';
import { until } from '../time/poll.ts';

/** Of a put and of a get each, if nothing else is said; `npm run test:chaos` takes 1 GiB. */
export const TRANSFER_BYTES = Number(process.env['CHAOS_MIB'] ?? 128) * 1_024 * 1_024;

export interface Transfer {
  readonly isDone: () => boolean;
  /** Waits for the end, and checks the exit code and the hash. Gives the time that it took, in milliseconds. */
  finish(): Promise<number>;
}

/** A session is set up by then, on two busy cores. */
const BEGUN_WITHIN_MS = 60_000;

/** Puts a file from the laptop into the job, or gets one from there, in an `sftp` of its own; waits until it has begun. */
export async function startTransfer(
  way: Way,
  job: string,
  direction: 'put' | 'get',
  bytes = TRANSFER_BYTES,
): Promise<Transfer> {
  const here = join(way.laptop.folder, `${direction}-bytes`);
  const there = join(job, `${direction}-bytes`);
  await makeBytes(direction === 'put' ? here : there, bytes, direction === 'put' ? 1 : 2);
  const startedAt = Date.now();
  let tookMs: number | undefined;
  const command = direction === 'put' ? `put ${here} ${there}` : `get ${there} ${here}`;
  const outcome = way.sftp([command]).finally(() => {
    tookMs = Date.now() - startedAt;
  });
  await until(
    `the ${direction} has begun`,
    () => hasBytes(direction === 'put' ? there : here),
    BEGUN_WITHIN_MS,
  );
  return {
    isDone: () => tookMs !== undefined,
    async finish() {
      const { code, stderr } = await outcome;
      expect({ code, complaints: stderr.replaceAll(/^wsproxy: .*\n/gm, '') }).toEqual({
        code: 0,
        complaints: '',
      });
      expect(await hashOf(there)).toBe(await hashOf(here));
      return tookMs ?? 0;
    },
  };
}

async function hasBytes(path: string): Promise<boolean> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  return size > 0;
}
