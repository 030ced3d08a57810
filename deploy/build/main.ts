// `npm run build`, and the first half of `npm start`: brings dist/ up to date and says what it did.
import { relative } from 'node:path';
import { BuildError } from './build-error.ts';
import { buildDistribution } from './distribution.ts';
import { choosePlatforms } from './platform.ts';
import { readSigningKey } from './signature.ts';
import { reportSizes } from './size-report.ts';
import { ROOT } from './source-tree.ts';

/** `npm start` wants no table, and no line at all when there is nothing to do. */
const isBrief = process.argv.includes('--brief');

const begin = performance.now();
try {
  const keyFile = process.env['SIGNING_KEY_FILE'] ?? '';
  // Before anything is made: a bad key or name is no reason to wait for a minute.
  const signingKey = keyFile === '' ? undefined : await readSigningKey(keyFile);
  const platforms = choosePlatforms(process.env['PLATFORMS'] ?? '');
  const { relay, terminal, binaries, foreign } = await buildDistribution(say, signingKey, platforms);
  if (!isBrief) {
    console.log(await reportSizes(binaries, foreign));
    say(
      `terminal page: ${terminal.compressedBytes} bytes compressed, SHA-256 of its scripts ${terminal.digest}`,
    );
    say(`${relative(ROOT, relay)} and ${binaries.length + foreign.length} programs are up to date`);
  }
} catch (error) {
  console.error(error instanceof BuildError ? `build: ${error.message}` : error);
  process.exitCode = 1;
}

function say(line: string): void {
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  console.log(`build ${seconds.padStart(5)} s  ${line}`);
}
