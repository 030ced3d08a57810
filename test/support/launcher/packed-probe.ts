// A packed probe: the real launcher with a small program behind it, which says how it was started.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { runCommand } from '../../../deploy/build/command.ts';
import { compileLauncher, readSystemLibraries } from '../../../deploy/build/launcher.ts';
import { hostPlatform } from '../../../deploy/build/linux-platform.ts';
import { packFiles } from '../../../deploy/build/pack.ts';

/** What the probe ends with. */
export const PROBE_EXIT_CODE = 42;

export interface PackedProbe {
  readonly folder: string;
  /** The launcher with the probe behind it. */
  readonly file: string;
  readonly bytes: Buffer;
}

/** Compiles both; what is made stays in a temporary folder of its own. */
export async function packProbe(): Promise<PackedProbe> {
  const folder = await mkdtemp(join(tmpdir(), 'converge-launcher-'));
  const program = join(folder, 'probe');
  await runCommand('gcc', ['-O1', '-o', program, join(import.meta.dirname, 'probe.c')]);
  const launcher = await readFile((await compileLauncher(hostPlatform())).path);
  const [loader, ...libraries] = await readSystemLibraries(hostPlatform());
  const probe = { name: 'probe', bytes: await readFile(program) };
  const addon = {
    name: 'some.node',
    // Another one in each run, so that the folder is another one too: nothing of an earlier run is found.
    bytes: Buffer.from(`no library: it must not be loaded with the program ${randomUUID()}`),
  };
  const bytes = await packFiles(launcher, [loader, probe, ...libraries, addon], compressQuickly);
  const file = join(folder, 'packed');
  await writeFile(file, bytes);
  await chmod(file, 0o755);
  return { folder, file, bytes };
}

/** As the build does it, with less patience. */
const compressQuickly = async (chunk: Buffer): Promise<Buffer> =>
  await promisify(zstdCompress)(chunk, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

export interface ProbeRun {
  readonly code: number | string | undefined;
  readonly stderr: string;
  /** What the probe said, by fact. */
  readonly facts: ReadonlyMap<string, string>;
}

/** Runs a command whose end is the packed probe, with nothing but `env` for its environment. */
export function runProbe(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): Promise<ProbeRun> {
  const [file, ...args] = command;
  return new Promise((resolve) => {
    execFile(file, args, { env }, (error, stdout, stderr) => {
      const facts = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line): [string, string] => [
          line.slice(0, line.indexOf(': ')),
          line.slice(line.indexOf(': ') + 2),
        ]);
      resolve({ code: error === null ? 0 : (error.code ?? undefined), stderr, facts: new Map(facts) });
    });
  });
}
