// The C library musl, as Alpine has it: Debian's package unpacked, not installed.
import { execFile } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** For caches of the machine, and for root only, as for other roots. */
const CACHE_FOLDER = '/var/cache/converge';
const PATH = join(CACHE_FOLDER, `musl-${process.arch}`);

/** A folder with musl's loader in its `lib`, fetched with apt-get first if this machine has none yet. */
export async function ensureMusl(): Promise<string> {
  try {
    await access(PATH);
  } catch {
    await mkdir(CACHE_FOLDER, { recursive: true });
    const folder = await mkdtemp(`${PATH}-part-`);
    try {
      // apt's own user may not write here, and says so without failing.
      await run('apt-get', ['download', '-qq', 'musl'], { cwd: folder });
      await run('sh', ['-c', 'dpkg-deb -x musl_*.deb . && rm musl_*.deb'], { cwd: folder });
      await chmod(folder, 0o755);
      await rename(folder, PATH);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return PATH;
}
