// Ubuntu's archive, for debootstrap on Debian, which has neither its keys nor scripts for its newer suites.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MIRROR = 'http://archive.ubuntu.com/ubuntu';
/** Its keys, as of this package; the suites of today are signed with F6ECB3762474EDA9D21B7022871920D1991BC93C of them. */
const KEYRING = `${MIRROR}/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb`;
const KEYRING_SHA256 = '36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8';
const FETCH_TIMEOUT_MS = 30_000;

/** What debootstrap is given before the suite, and after the folder. */
export interface BootstrapWords {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** @throws Error where the archive is out of reach, or another one */
export async function findUbuntu(folder: string): Promise<BootstrapWords> {
  const answer = await fetch(KEYRING, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== KEYRING_SHA256) throw new Error(`${KEYRING}: HTTP ${answer.status}, SHA-256 ${sha256}`);
  const file = join(folder, 'ubuntu-keyring.deb');
  await writeFile(file, bytes);
  await promisify(execFile)('dpkg-deb', ['-x', file, folder]);
  return {
    before: [`--keyring=${join(folder, 'usr/share/keyrings/ubuntu-archive-keyring.gpg')}`],
    // Every suite's script is this one.
    after: [MIRROR, '/usr/share/debootstrap/scripts/gutsy'],
  };
}
