// The size report: what each binary weighs, as it is and compressed, and how soon it starts.
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { runCommand } from './command.ts';

const BYTES_PER_MB = 1_000_000;
/** Odd, so that the median is a measurement; few, since it is for orientation. */
const STARTS = 7;

/**
 * The report as a table of text, one line for each of `binaries` and of `foreign` (paths), which do not run here. Megabytes
 * are of a million bytes.
 */
export async function reportSizes(binaries: readonly string[], foreign: readonly string[]): Promise<string> {
  const rows = [['', 'plain MB', 'gzip MB', 'zstd MB', 'start ms']];
  for (const path of [...binaries, ...foreign]) {
    const sizes = await Promise.all([path, `${path}.gz`, `${path}.zst`].map(sizeOf));
    const start = binaries.includes(path) ? (await measureStart(path)).toFixed(0) : '';
    rows.push([basename(path), ...sizes, start]);
  }
  return rows.map(formatRow).join('\n');
}

/** A dash for what is not made: files that are compressed inside have no compressed forms. */
async function sizeOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? '-' : (found.size / BYTES_PER_MB).toFixed(1);
}

/** Milliseconds of a whole `--version` run, from spawn to exit; the median of several. */
async function measureStart(path: string): Promise<number> {
  const times: number[] = [];
  for (let start = 0; start < STARTS; start += 1) {
    const begin = performance.now();
    await runCommand(path, ['--version']);
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[(STARTS - 1) / 2] ?? Number.NaN;
}

function formatRow([name = '', ...figures]: readonly string[]): string {
  return `${name.padEnd(26)}${figures.map((figure) => figure.padStart(10)).join('')}`;
}
