// The C library musl, as Alpine has it: Debian's package unpacked, not installed.
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A folder with musl's loader in its `lib`; for the caller to remove. */
export async function unpackMusl(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-musl-'));
  // apt's own user may not write here, and says so without failing.
  await run('apt-get', ['download', '-qq', 'musl'], { cwd: folder });
  await run('sh', ['-c', 'dpkg-deb -x musl_*.deb . && rm musl_*.deb'], { cwd: folder });
  return folder;
}
