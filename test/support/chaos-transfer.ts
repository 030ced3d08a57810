// Transfers by sftp that are in progress while the world falls apart.
import { join } from 'node:path';
import { expect } from 'vitest';
import { hashOf, makeBytes } from './e2e-bytes.ts';
import type { Way } from './e2e-laptop.ts';

/** Of a put and of a get each. */
export const TRANSFER_BYTES = Number(process.env['CHAOS_MIB'] ?? 256) * 1_024 * 1_024;

export interface Transfer {
  readonly isDone: () => boolean;
  /** Waits for the end, and checks the exit code and the hash. Gives the time that it took, in milliseconds. */
  finish(): Promise<number>;
}

/** Puts a file from the laptop into the job, or gets one from there, in an `sftp` of its own. */
export async function startTransfer(way: Way, job: string, direction: 'put' | 'get'): Promise<Transfer> {
  const here = join(way.laptop.folder, `${direction}-bytes`);
  const there = join(job, `${direction}-bytes`);
  await makeBytes(direction === 'put' ? here : there, TRANSFER_BYTES, direction === 'put' ? 1 : 2);
  const startedAt = Date.now();
  let tookMs: number | undefined;
  const command = direction === 'put' ? `put ${here} ${there}` : `get ${there} ${here}`;
  const outcome = way.sftp([command]).finally(() => {
    tookMs = Date.now() - startedAt;
  });
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
