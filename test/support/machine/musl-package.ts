// The C library musl, as Alpine has it: Debian's package unpacked, not installed.
import { fetchDebianArchives } from '../../../deploy/build/debian-archives.ts';
import { hostPlatform } from '../../../deploy/build/linux-platform.ts';

/** A folder with musl's loader in its `lib`, fetched with apt-get first if this machine has none yet. */
export async function ensureMusl(): Promise<string> {
  const purpose = 'a root of the test';
  return await fetchDebianArchives({ architecture: hostPlatform().debian, packages: ['musl'], purpose });
}
