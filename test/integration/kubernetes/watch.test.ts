// The endpoint watch against a stand-in for the API server, through the real client.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { API_ANSWER_WITHIN_MS } from '../../../services/relay/kubernetes/api-server.ts';
import { DENIED_RETRY_MS } from '../../../services/relay/kubernetes/api-troubles.ts';
import { MAX_RETRY_MS, WATCH_SILENCE_MS } from '../../../services/relay/kubernetes/endpoint-watch.ts';
import { EXPECT_SELF_WITHIN_MS } from '../../../services/relay/kubernetes/kube-cluster.ts';
import { SETTLE_MS } from '../../../services/relay/kubernetes/peer-view.ts';
import { type KubeApi, startKubeApi } from '../../support/kubernetes/kube-api.ts';
import { eventually, KubeWorld } from '../../support/kubernetes/kube-world.ts';

const A = { name: 'relay-a', ip: '10.0.0.1' };
const B = { name: 'relay-b', ip: '10.0.0.2' };
const C = { name: 'relay-c', ip: '10.0.0.3' };
const B_ADDRESS = '10.0.0.2:9090';

describe('the endpoint watch', () => {
  let api: KubeApi;
  let world: KubeWorld;

  beforeEach(async () => {
    api = await startKubeApi();
    api.put('s1', [A, B]);
    world = new KubeWorld({ server: api.url });
  });

  afterEach(async () => {
    world.stop();
    await eventually(() => expect(api.connections).toBe(0));
    await api.close();
  });

  /** Lets time pass until the watch is back; `call` is what it asks then. */
  async function comesBack(call: 'list' | 'watch', before: number): Promise<void> {
    await eventually(() => {
      world.clock.advance(50);
      expect(api.count(call)).toBeGreaterThan(before);
    });
  }

  async function watched(count = 1): Promise<void> {
    await eventually(() => expect(api.count('watch')).toBe(count));
    await eventually(() => expect(api.open).toBe(1));
  }

  function isAlive(address: string): boolean | undefined {
    return world.cluster.isAlive(address);
  }

  test('lists, then watches from the version of the list, with bookmarks and an end', async () => {
    world.start();
    await watched();
    expect(world.cluster.peers()).toEqual([
      { name: 'relay-a', address: '10.0.0.1:9090' },
      { name: 'relay-b', address: B_ADDRESS },
    ]);
    const { query } = api.asked[1] ?? {};
    expect(query).toMatchObject({ resourceVersion: '101', allowWatchBookmarks: 'true' });
    expect(Number(query?.['timeoutSeconds'])).toBeGreaterThanOrEqual(240);
  });

  test('sees pods come and go', async () => {
    world.start();
    await watched();
    api.put('s2', [C]);
    await eventually(() => expect(isAlive('10.0.0.3:9090')).toBe(true));
    api.put('s1', [A]);
    await eventually(() => expect(isAlive(B_ADDRESS)).toBeUndefined());
    world.clock.advance(SETTLE_MS);
    expect(isAlive(B_ADDRESS)).toBe(false);
    api.remove('s2');
    await eventually(() => expect(world.cluster.peers()).toHaveLength(1));
    world.clock.advance(SETTLE_MS);
    expect(isAlive('10.0.0.3:9090')).toBe(false);
  });

  test('does not take a terminating pod for gone', async () => {
    world.start();
    await watched();
    api.put('s1', [A, { ...B, conditions: { ready: false, serving: false, terminating: true } }]);
    api.put('s2', [C]);
    await eventually(() => expect(isAlive('10.0.0.3:9090')).toBe(true));
    world.clock.advance(SETTLE_MS * 10);
    expect(isAlive(B_ADDRESS)).toBe(true);
  });

  test.each(['end', 'reset', 'mid-line'] as const)(
    'goes on after a watch that ended by %s, and misses nothing',
    async (how) => {
      world.start();
      await watched();
      api.put('s2', [C]);
      await eventually(() => expect(isAlive('10.0.0.3:9090')).toBe(true));
      api.endWatches(how);
      await eventually(() => expect(api.open).toBe(0));
      api.put('s1', [A]);
      await comesBack('watch', 1);
      expect(api.asked.at(-1)?.query['resourceVersion']).toBe('102');
      await eventually(() => expect(isAlive(B_ADDRESS)).toBeUndefined());
      world.clock.advance(SETTLE_MS);
      expect(isAlive(B_ADDRESS)).toBe(false);
      expect(api.count('list')).toBe(1);
      expect(world.warnings).toEqual([]);
    },
  );

  test('asks ever more slowly when watches end at once, until one brings something', async () => {
    world.start();
    for (let count = 1; count <= 4; count += 1) {
      await watched(count);
      if (count === 4) api.put('s2', [C]);
      api.endWatches('end');
      await eventually(() => expect(retries(world)).toHaveLength(count));
      world.clock.advance(MAX_RETRY_MS);
    }
    expect(retries(world)).toEqual([499, 999, 1_998, 499]);
  });

  test('goes on from the last bookmark', async () => {
    world.start();
    await watched();
    api.bookmark();
    api.endWatches('end');
    await comesBack('watch', 1);
    expect(api.asked.at(-1)?.query['resourceVersion']).toBe('102');
  });

  test.each(['status', 'event'] as const)(
    'lists anew after a 410 that comes as %s, and finds who vanished meanwhile',
    async (as) => {
      world.start();
      await watched();
      api.endWatches('reset');
      await eventually(() => expect(api.open).toBe(0));
      api.put('s1', [A]);
      api.forget(as);
      await comesBack('list', 1);
      await eventually(() => expect(isAlive(B_ADDRESS)).toBeUndefined());
      world.clock.advance(SETTLE_MS);
      expect(isAlive(B_ADDRESS)).toBe(false);
      expect(world.warnings).toEqual([]);
    },
  );

  test('lists anew after an event that makes no sense, and says so once', async () => {
    world.start();
    await watched();
    api.say('<html>bad gateway</html>\n');
    await comesBack('list', 1);
    expect(world.warnings).toEqual([expect.stringContaining('cannot be watched')]);
    await watched(2);
    api.bookmark();
    await eventually(() => expect(world.infos).toHaveLength(1));
  });

  test('cuts a watch that is silent for too long, and goes on', async () => {
    world.start();
    await watched();
    await eventually(() => expect(world.clock.pending).toBeGreaterThan(0));
    world.clock.advance(WATCH_SILENCE_MS);
    await eventually(() => expect(api.open).toBe(0));
    await comesBack('watch', 1);
    expect(api.count('list')).toBe(1);
  });

  test('gives up on a list that is not answered, and tries again', async () => {
    api.answer('list', 'silence');
    world.start();
    await eventually(() => expect(api.count('list')).toBe(1));
    world.clock.advance(API_ANSWER_WITHIN_MS);
    await eventually(() => expect(api.open).toBe(0));
    expect(world.warnings).toHaveLength(1);
    api.answer('list', undefined);
    await comesBack('watch', 0);
    await watched();
    expect(isAlive(B_ADDRESS)).toBe(true);
  });

  test.each([500, 429, 'reset', 'not json'] as const)(
    'tries again, ever more slowly, while lists are answered with %s',
    async (bad) => {
      api.answer('list', bad);
      world.start();
      for (let count = 1; count <= 8; count += 1) {
        await eventually(() => expect(world.troubles).toHaveLength(count));
        expect(api.count('list')).toBe(count);
        world.clock.advance(MAX_RETRY_MS);
      }
      expect(retries(world).slice(0, 8)).toEqual([499, 999, 1_998, 3_996, 7_992, 15_984, 29_970, 29_970]);
      expect(world.warnings).toHaveLength(1);
      expect(world.troubles).toEqual(Array.from({ length: 8 }, () => 'watch failed'));
    },
  );

  test.each(['list', 'watch'] as const)('is quiet and harmless when RBAC denies the %s', async (call) => {
    api.answer(call, 403);
    world.start();
    await eventually(() => expect(world.troubles).toEqual(['watch denied']));
    world.clock.advance(DENIED_RETRY_MS - 1);
    expect(api.count(call)).toBe(1);
    world.clock.advance(DENIED_RETRY_MS);
    await eventually(() => expect(world.troubles).toHaveLength(2));
    expect(world.warnings).toEqual([expect.stringContaining('kubernetes denies')]);
    expect(isAlive('10.9.9.9:9090')).toBeUndefined();
    api.answer(call, undefined);
    world.clock.advance(DENIED_RETRY_MS * 2);
    await eventually(() => expect(isAlive(B_ADDRESS)).toBe(true));
  });

  test('keeps what it knew while the API server is away', async () => {
    world.start();
    await watched();
    await api.close();
    await eventually(() => {
      world.clock.advance(1_000);
      expect(world.troubles.length).toBeGreaterThan(2);
    });
    expect(isAlive(B_ADDRESS)).toBe(true);
    expect(world.warnings).toHaveLength(1);
  });

  test('says when the service names others but not this pod, and believes nothing it does not name', async () => {
    api.put('s1', [B, C]);
    world.start();
    await watched();
    api.put('s1', [B]);
    await eventually(() => expect(world.cluster.peers()).toHaveLength(1));
    world.clock.advance(EXPECT_SELF_WITHIN_MS);
    expect(world.warnings).toEqual([expect.stringContaining('do not name this pod')]);
    expect(isAlive('10.0.0.3:9090')).toBeUndefined();
  });

  test('stops in the middle of a request, twice, and leaves nothing behind', async () => {
    api.answer('list', 'silence');
    const stop = world.start();
    await eventually(() => expect(api.open).toBe(1));
    stop();
    stop();
    await eventually(() => expect(api.connections).toBe(0));
    expect(world.clock.pending).toBe(0);
    expect(world.warnings).toEqual([]);
  });
});

/** The waits between attempts, in milliseconds. */
function retries(world: KubeWorld): number[] {
  const others = [API_ANSWER_WITHIN_MS, EXPECT_SELF_WITHIN_MS, SETTLE_MS, WATCH_SILENCE_MS];
  return world.clock.waits.filter((ms) => !others.includes(ms));
}
