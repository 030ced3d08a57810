// The Debian packages that bring the clients: installed where they are missing, and their versions.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { installPackages, missingError } from '../../deploy/build/debian-packages.ts';
import type { Client } from './client.ts';

const run = promisify(execFile);

/** Installs what is missing and says so. @throws BuildError with the line to type where this process may not. */
export async function ensurePackages(clients: readonly Client[]): Promise<void> {
  const wanted = [...new Set(clients.flatMap((client) => client.packages))].sort();
  const versions = await Promise.all(wanted.map((name) => versionOf(name)));
  const missing = wanted.filter((_, index) => versions[index] === undefined);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) throw missingError(missing, missing);
  console.error(`installing ${missing.join(', ')} with apt-get`);
  await installPackages(missing);
}

/** What dpkg calls the version of an installed package; undefined for one that is not. */
export async function versionOf(name: string): Promise<string | undefined> {
  const format = '${db:Status-Status} ${Version}\n';
  const found = await run('dpkg-query', ['-W', '-f', format, name]).catch(() => undefined);
  return /^installed (\S+)$/m.exec(found?.stdout ?? '')?.[1];
}
