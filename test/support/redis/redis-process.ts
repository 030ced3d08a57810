// One process of Debian's redis-server on 127.0.0.1, in a folder of its own, that can be killed, paused and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { ensureCommands } from '../machine/test-commands.ts';
import { freePort } from '../network/ports.ts';
import type { RedisServer } from './redis-server.ts';

const READY_WITHIN_MS = 20_000;
const READY = /Ready to accept connections|monitor master/;

/** Should the test's own process end in the middle of a test, they end with it. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface RedisProcessOptions {
  /** More arguments of redis-server: `--maxmemory 1mb`. */
  readonly args?: () => readonly string[];
  /** Makes files in the server's folder, before it starts; its result are more arguments. */
  readonly prepare?: (folder: string) => Promise<readonly string[]>;
  /** Writes a configuration file in the place of the usual arguments; its result is the file's path. */
  readonly configure?: (port: number, folder: string) => Promise<string>;
  /** Where the server speaks TLS only. */
  readonly isTls?: boolean;
}

/** Starts a server that keeps nothing on disk, on a port that is free. */
export async function startRedisProcess(options: RedisProcessOptions = {}): Promise<RedisServer> {
  await ensureCommands(['redis-server']);
  const folder = await mkdtemp(join(tmpdir(), 'converge-redis-'));
  const port = await freePort();
  const file = await options.configure?.(port, folder);
  const listen = options.isTls === true ? ['--port', '0', '--tls-port'] : ['--port'];
  const plain = [
    ...listen,
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const prepared = (await options.prepare?.(folder)) ?? [];
  const args = [...(file === undefined ? plain : [file]), ...prepared, ...(options.args?.() ?? [])];
  let child = await startChild(args, folder);

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  const server: RedisServer = {
    kind: 'process',
    port,
    url: `${options.isTls === true ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    async call(command, ...words) {
      const client = new Redis({ port, lazyConnect: true, retryStrategy: null });
      client.on('error', () => undefined);
      try {
        return await client.call(command, ...words);
      } finally {
        client.disconnect();
      }
    },
    kill: () => end('SIGKILL'),
    async restart({ keep }) {
      const isRunning = child.exitCode === null && child.signalCode === null;
      if (keep && isRunning) await server.call('SAVE');
      if (!keep) await rm(join(folder, 'dump.rdb'), { force: true });
      await end('SIGKILL');
      child = await startChild(args, folder);
    },
    async pause() {
      child.kill('SIGSTOP');
    },
    async resume() {
      child.kill('SIGCONT');
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  return server;
}

async function startChild(args: readonly string[], folder: string): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  const hear = (text: string): void => {
    said = (said + text).slice(-4_000);
    if (READY.test(said)) resolve();
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  child.once('error', reject);
  child.once('exit', () => {
    reject(new Error(`redis-server ended: ${said}`));
  });
  const deadline = setTimeout(() => {
    reject(new Error(`redis-server is not ready within ${READY_WITHIN_MS} ms: ${said}`));
  }, READY_WITHIN_MS);
  try {
    await promise;
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}
