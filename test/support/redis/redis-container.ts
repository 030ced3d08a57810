// A Redis in a container, where an engine answers and has an image: nothing is ever pulled.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { freePort } from '../network/ports.ts';
import type { RedisServer } from './redis-server.ts';

/** An engine that does not answer within this, in milliseconds, is none. */
const ENGINE_TIMEOUT_MS = 3_000;
/** What people who run containers tend to have. */
const IMAGES = ['redis:7', 'redis:7-alpine', 'redis:8', 'redis:8-alpine', 'redis:latest', 'valkey/valkey:8'];

const run = promisify(execFile);

/** The name of an image that can be run here; undefined without an engine or without one of the images. */
export async function findRedisImage(): Promise<string | undefined> {
  try {
    const args = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'];
    const { stdout } = await run('docker', args, { timeout: ENGINE_TIMEOUT_MS });
    const present = new Set(stdout.split('\n'));
    return IMAGES.find((image) => present.has(image));
  } catch {
    return undefined;
  }
}

/** Starts `image` with a fixed port, so that it is found again after a restart. */
export async function startRedisContainer(image: string, args: readonly string[]): Promise<RedisServer> {
  // The reaper is an image of its own, which would be pulled. Every server of a test is disposed of by the test.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  const port = await freePort();
  const started = await new GenericContainer(image)
    .withExposedPorts({ container: 6379, host: port })
    .withCommand(['redis-server', '--save', '', '--appendonly', 'no', ...args])
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const engine = await getContainerRuntimeClient();
  const container = engine.container.getById(started.getId());
  const host = started.getHost();

  const server: RedisServer = {
    kind: 'container',
    port,
    url: `redis://${host}:${port}`,
    async call(command, ...words) {
      const client = new Redis({ host, port, lazyConnect: true, retryStrategy: null });
      client.on('error', () => undefined);
      try {
        return await client.call(command, ...words);
      } finally {
        client.disconnect();
      }
    },
    async kill() {
      const { State: state } = await container.inspect();
      if (state.Running) await container.kill();
    },
    async restart({ keep }) {
      const { State: state } = await container.inspect();
      if (keep && state.Running) await server.call('SAVE');
      await server.kill();
      await container.start();
      await answered(server);
      if (!keep) await server.call('FLUSHALL');
    },
    pause: () => container.pause(),
    resume: () => container.unpause(),
    async [Symbol.asyncDispose]() {
      await started.stop();
    },
  };
  return server;
}

async function answered(server: RedisServer): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await server.call('PING');
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}
