// A static busybox: Debian's package unpacked, not installed, since it would take the place of the one that a machine may have.
import { join } from 'node:path';
import { fetchDebianArchives } from '../../../deploy/build/debian-archives.ts';
import { hostPlatform, type LinuxPlatform } from '../../../deploy/build/linux-platform.ts';

/** The path of the program for `platform`, fetched with apt-get first if this machine has none yet. */
export async function ensureStaticBusybox(platform: LinuxPlatform = hostPlatform()): Promise<string> {
  const purpose = 'a root of the test';
  const packages = ['busybox-static'];
  return join(await fetchDebianArchives({ architecture: platform.debian, packages, purpose }), 'bin/busybox');
}
