// A key in a file, made by ssh-keygen, with nothing to type before it is used.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa';

/** Makes `path` and `path.pub`; `options` are ssh-keygen's. */
export async function makeKeyFile(
  path: string,
  type: KeyType = 'ed25519',
  options: readonly string[] = [],
): Promise<void> {
  await promisify(execFile)('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path, ...options]);
}
