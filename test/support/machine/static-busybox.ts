// A static busybox: Debian's package unpacked, not installed, since it would take the place of the one that a machine may have.
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** For caches of the machine, and for root only, as for other roots. */
const CACHE_FOLDER = '/var/cache/converge';
const PATH = join(CACHE_FOLDER, `busybox-static-${process.arch}`);

/** The path of the program, fetched with apt-get first if this machine has none yet. */
export async function ensureStaticBusybox(): Promise<string> {
  try {
    await access(PATH);
  } catch {
    await mkdir(CACHE_FOLDER, { recursive: true });
    const folder = await mkdtemp(join(CACHE_FOLDER, 'busybox-part-'));
    try {
      // apt's own user may not write here, and says so without failing.
      await run('apt-get', ['download', '-qq', 'busybox-static'], { cwd: folder });
      await run('sh', ['-c', 'dpkg-deb -x busybox-static_*.deb .'], { cwd: folder });
      await rename(join(folder, 'bin/busybox'), PATH);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return PATH;
}
