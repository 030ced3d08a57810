// wsproxy on Windows, as far as Wine is Windows: Windows' own Node 22 runs wsproxy.mjs, and a session goes through it.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIST } from '../../deploy/build/source-tree.ts';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { openWay, type Way } from '../support/laptop/laptop.ts';
import { SYSTEM_PATH, useWorld } from '../support/laptop/world.ts';
import { openWine, type Wine, windowsPath } from '../support/machine/wine.ts';
import { listening } from '../support/network/ports.ts';

const MB = 1_000_000;

const world = useWorld(['wine']);
let agent: E2eAgent;
let way: Way;
let wine: Wine;

beforeAll(async () => {
  wine = await openWine(await world.makeFolder('wine'), SYSTEM_PATH);
  agent = await startAgent(world, { held: true });
  way = await openWay(world, agent);
});

afterAll(async () => {
  await wine.stop();
});

/** What a program of Windows' Node prints. */
async function runNode(...args: string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const said = join(await world.makeFolder('said'), 'output');
  const command = wine.command(said, wine.node, ...args);
  const started = world.start('wine node', command, { cwd: way.laptop.folder, env: wine.env });
  const { code } = await started.exited;
  return { code, said: started.stdout };
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
