// Sentinel: a master that dies is replaced by its replica, and the pods follow.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RedisPods } from '../../support/redis/redis-pods.ts';
import { startRedisProcess } from '../../support/redis/redis-process.ts';
import type { RedisServer } from '../../support/redis/redis-server.ts';
import { until } from '../../support/time/poll.ts';

let master: RedisServer;
let replica: RedisServer;
let sentinel: RedisServer;
let pods: RedisPods;

beforeAll(async () => {
  master = await startRedisProcess({ args: () => ['--repl-diskless-sync-delay', '0'] });
  replica = await startRedisProcess({ args: () => ['--replicaof', '127.0.0.1', String(master.port)] });
  await until('the replica is in step', async () =>
    String(await replica.call('INFO', 'replication')).includes('master_link_status:up'),
  );
  sentinel = await startRedisProcess({
    async configure(port, folder) {
      const file = join(folder, 'sentinel.conf');
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
        // Not before the test kills it: a master that only stands still for a moment is none that died.
        'sentinel down-after-milliseconds mymaster 600000',
        'sentinel failover-timeout mymaster 5000',
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      return file;
    },
    args: () => ['--sentinel'],
  });
  // Else one that stands still for two seconds itself does nothing for half a minute.
  await sentinel.call('SENTINEL', 'DEBUG', 'tilt-trigger', '600000');
  await until('the sentinel knows the replica', async () =>
    String(await sentinel.call('SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replica.port)),
  );
  // The first sentinel of the list is not there.
  pods = new RedisPods(`redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/mymaster`);
});
afterAll(async () => {
  await pods[Symbol.asyncDispose]();
  for (const server of [sentinel, replica, master]) await server[Symbol.asyncDispose]();
});

test('claims go on after a fail-over, with the epochs that the replica knows, and waits are woken', async () => {
  const here = pods.open();
  const there = pods.open();
  await Promise.all([here.ready(), there.ready()]);
  await here.registry.claim('job', 'hash-a', here.owner);
  await until(
    'the replica has the entry',
    async () => (await replica.call('EXISTS', 'converge:agent:{job}')) === 1,
  );
  const waiting = there.registry.waitFor('job', 60_000, { afterEpoch: 1 });
  await until('it looked', () => there.calls.includes('lookup ok'));

  await master.kill();
  await sentinel.call('SENTINEL', 'SET', 'mymaster', 'down-after-milliseconds', '500');
  await expect(here.registry.lookup('job')).rejects.toMatchObject({ code: 'registry_unavailable' });
  await Promise.all([here.ready(2), there.ready(2)]);

  expect(await here.registry.renew([{ id: 'job', epoch: 1 }])).toEqual([]);
  expect(await here.registry.claim('job', 'hash-a', here.owner)).toMatchObject({ kind: 'claimed', epoch: 2 });
  expect(await waiting).toMatchObject({ ...here.owner, epoch: 2 });
});
