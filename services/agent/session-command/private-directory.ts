// A private temporary directory that a unix socket and a program can live in.
import { constants } from 'node:fs';
import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS and the BSDs, with the final zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Room for `/converge-XXXXXX/socket` below a candidate. */
const SUFFIX_BYTES = '/converge-XXXXXX/socket'.length;

/** Where to try after the directory that the job prefers. */
const FALLBACKS = ['/tmp', '/dev/shm', '/run', '/var/tmp'] as const;

export type PrivateDirectory =
  | { readonly kind: 'made'; readonly path: string }
  /** No directory takes a socket and an executable; `detail` says what was wrong with each. */
  | { readonly kind: 'none'; readonly detail: string };

/**
 * Makes a directory of mode 0700 whose path is short enough for a socket, has no `:` (it goes on PATH), and
 * whose file system runs programs (a hardened /tmp is often mounted noexec). Tries `preferred`, then the usual
 * places. Never throws.
 */
export async function makePrivateDirectory(preferred: string): Promise<PrivateDirectory> {
  const faults: string[] = [];
  for (const parent of new Set([preferred, ...FALLBACKS])) {
    const fault = unfitness(parent);
    if (fault !== undefined) {
      faults.push(`${parent}: ${fault}`);
      continue;
    }
    try {
      return { kind: 'made', path: await makeIn(parent) };
    } catch (error) {
      faults.push(`${parent}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { kind: 'none', detail: faults.join('; ') };
}

function unfitness(parent: string): string | undefined {
  if (!parent.startsWith('/')) return 'not an absolute path';
  if (parent.includes(':')) return 'a colon cannot be on PATH';
  const bytes = Buffer.byteLength(parent) + SUFFIX_BYTES;
  return bytes > MAX_SOCKET_PATH_BYTES ? 'too long for a socket' : undefined;
}

async function makeIn(parent: string): Promise<string> {
  const directory = await mkdtemp(join(parent, 'converge-'));
  try {
    // mkdtemp says 0700, a default ACL may say otherwise.
    await chmod(directory, 0o700);
    const probe = join(directory, 'probe');
    await writeFile(probe, '', { mode: 0o700 });
    // access(2) answers EACCES for a program on a noexec file system, also to root.
    await access(probe, constants.X_OK);
    await rm(probe);
    return directory;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}
