// Debian's packages: what a missing command leads to, on a machine whose apt-get is a script of the test.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ensureInstalled, installPackages } from '../../../deploy/build/debian-packages.ts';

const PACKAGES = { 'g++': 'g++', scp: 'openssh-client', ssh: 'openssh-client', tmux: 'tmux' };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-packages-'));
  vi.stubEnv('PATH', folder);
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

describe('packages', () => {
  test('a command that is there costs nothing and says nothing', async () => {
    await putScript('ssh', '');
    await ensureInstalled(['ssh'], PACKAGES);
    expect(console.error).not.toHaveBeenCalled();
  });

  test('root gets what is missing from apt-get, lists first, with one line that says so', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0);
    await putFlock();
    await putScript(
      'apt-get',
      `echo "$@" >> ${folder}/calls; for c in ssh scp sftp; do cp "$0" ${folder}/$c; done`,
    );
    await ensureInstalled(['ssh', 'scp'], PACKAGES);

    const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
    expect(calls[0]).toMatch(/^update/);
    expect(calls[1]).toMatch(/install -y .*--no-install-recommends openssh-client$/);
    expect(calls).toHaveLength(2);
    expect(console.error).toHaveBeenCalledExactlyOnceWith(
      'ssh, scp missing: installing openssh-client with apt-get',
    );
  });

  test('anybody else gets the line to type', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    await putScript('apt-get', 'exit 1');
    await expect(ensureInstalled(['ssh', 'g++'], PACKAGES)).rejects.toMatchObject({
      code: 'requirement_missing',
      message:
        'ssh, g++ missing; install with: sudo apt-get install -y --no-install-recommends g++ openssh-client',
    });
  });

  test('root without apt-get gets the line to type', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0);
    await expect(ensureInstalled(['tmux'], PACKAGES)).rejects.toMatchObject({ code: 'requirement_missing' });
  });

  test('an apt-get that fails ends with what it said', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0);
    await putFlock();
    await putScript('apt-get', 'echo "E: no space left" >&2; exit 100');
    await expect(ensureInstalled(['tmux'], PACKAGES)).rejects.toMatchObject({
      code: 'command_failed',
      message: expect.stringContaining('E: no space left') as string,
    });
  });

  test('whoever else reads the lists anew is waited for, and nothing else that goes wrong', async () => {
    await putFlock();
    const locked =
      'echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)" >&2; exit 100';
    await putScript(
      'apt-get',
      `echo "$1" >> ${folder}/calls; [ "$(wc -l < ${folder}/calls)" -lt 3 ] || exit 0; ${locked}`,
    );
    await installPackages(['tmux'], 1);
    expect(await readFile(join(folder, 'calls'), 'utf8')).toMatch(/^update\nupdate\nupdate\n-o\n$/);
    await putScript('apt-get', `echo "$1" >> ${folder}/failed; echo 'E: no network' >&2; exit 100`);
    await expect(installPackages(['tmux'], 1)).rejects.toMatchObject({ code: 'command_failed' });
    expect(await readFile(join(folder, 'failed'), 'utf8')).toBe('update\n');
  });

  test('a package that does not bring the command is not taken for success', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0);
    await putFlock();
    await putScript('apt-get', '');
    await expect(ensureInstalled(['tmux'], PACKAGES)).rejects.toMatchObject({ code: 'requirement_missing' });
  });
});

/** `flock -w SECONDS FILE COMMAND…` without the lock. */
async function putFlock(): Promise<void> {
  await putScript('flock', 'shift 3; exec "$@"');
}

async function putScript(name: string, body: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\nPATH=$PATH:/usr/bin:/bin\n${body}\n`);
  await chmod(path, 0o755);
}
