// How the relay speaks to the API server: credentials, certificates, and the patch of its own pod.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { workOf } from '../../../services/relay/kubernetes/cluster.ts';
import { WRITE_EVERY_MS } from '../../../services/relay/kubernetes/deletion-cost.ts';
import { MAX_RETRY_MS } from '../../../services/relay/kubernetes/endpoint-watch.ts';
import {
  type KubeApi,
  type KubeApiOptions,
  NAMESPACE,
  startKubeApi,
} from '../../support/kubernetes/kube-api.ts';
import { eventually, KubeWorld, type KubeWorldOptions } from '../../support/kubernetes/kube-world.ts';
import { makePrivateAuthority, type PrivateAuthority } from '../../support/network/private-authority.ts';

const COST = 'controller.kubernetes.io/pod-deletion-cost';

describe('the API server of a cluster', () => {
  let folder: string;
  let tokenFile: string;
  let authority: PrivateAuthority;
  let api: KubeApi | undefined;
  let world: KubeWorld | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kube-'));
    tokenFile = join(folder, 'token');
    await writeFile(tokenFile, 'sesame');
    authority = await makePrivateAuthority(folder, 'IP:127.0.0.1');
  });

  afterEach(async () => {
    world?.stop();
    await api?.close();
    [api, world] = [undefined, undefined];
    await rm(folder, { recursive: true, force: true });
  });

  async function open(
    options: KubeApiOptions,
    files: { caFile?: string; tokenFile?: string },
    worldOptions?: KubeWorldOptions,
  ): Promise<{ api: KubeApi; world: KubeWorld }> {
    api = await startKubeApi(options);
    api.put('s1', [{ name: 'relay-a', ip: '10.0.0.1' }]);
    world = new KubeWorld({ server: api.url, ...files }, worldOptions);
    world.start();
    return { api, world };
  }

  test('is spoken to with the token, over HTTP/2 and TLS that the cluster authority vouches for', async () => {
    const { api, world } = await open(
      { token: 'sesame', tls: authority },
      { caFile: authority.caFile, tokenFile },
    );
    await eventually(() => expect(world.cluster.isAlive('10.0.0.1:9090')).toBe(true));
    expect(new Set(api.asked.map(({ httpVersion }) => httpVersion))).toEqual(new Set(['2.0']));
    expect(world.warnings).toEqual([]);
  });

  test('gets nothing when its certificate is by somebody else', async () => {
    const { api, world } = await open({ tls: authority }, { tokenFile });
    await eventually(() => expect(world.troubles).toEqual(['watch failed']));
    expect(api.asked).toEqual([]);
  });

  test('counts as denying when it does not know the token', async () => {
    const { world } = await open({ token: 'other', tls: authority }, { caFile: authority.caFile, tokenFile });
    await eventually(() => expect(world.troubles).toEqual(['watch denied']));
  });

  test('is asked again when the token file was missing at first', async () => {
    await rm(tokenFile);
    const { api, world } = await open({ token: 'sesame' }, { tokenFile });
    await eventually(() => expect(world.troubles).toEqual(['watch failed']));
    expect(api.asked).toEqual([]);
    await writeFile(tokenFile, 'sesame');
    world.clock.advance(MAX_RETRY_MS);
    await eventually(() => expect(world.cluster.isAlive('10.0.0.1:9090')).toBe(true));
  });

  test.each([false, true])('keeps no connection per request, TLS: %s', async (isTls) => {
    const { api, world } = await open(
      isTls ? { tls: authority } : {},
      { caFile: authority.caFile },
      { writesDeletionCost: true },
    );
    for (let load = 1; load <= 5; load += 1) {
      world.cluster.reportLoad(load);
      await eventually(() => {
        world.clock.advance(load === 1 ? 0 : WRITE_EVERY_MS / 4);
        expect(api.count('patch')).toBe(load);
      });
    }
    // At most the watch, and a patch whose connection is being closed.
    await eventually(() => expect(api.connections).toBeLessThanOrEqual(1));
  });

  test('learns what this pod is worth to scale-in, by a merge patch of this one annotation', async () => {
    const { api, world } = await open({ token: 'sesame' }, { tokenFile }, { writesDeletionCost: true });
    world.cluster.reportLoad(workOf({ agents: 3, sessions: 2 }));
    await eventually(() => {
      world.clock.advance(0);
      expect(api.count('patch')).toBe(1);
    });
    const patch = api.asked.find(({ call }) => call === 'patch');
    expect(patch?.path).toBe(`/api/v1/namespaces/${NAMESPACE}/pods/relay-a`);
    expect(patch?.headers['content-type']).toBe('application/merge-patch+json');
    expect(JSON.parse(patch?.body ?? '')).toEqual({ metadata: { annotations: { [COST]: '23' } } });
    expect(world.troubles).toEqual([]);
  });

  test('may deny the patch and allow the watch', async () => {
    const { api, world } = await open({}, {}, { writesDeletionCost: true });
    api.answer('patch', 403);
    world.cluster.reportLoad(1);
    await eventually(() => {
      world.clock.advance(0);
      expect(world.troubles).toEqual(['patch denied']);
    });
    expect(world.warnings).toEqual([expect.stringContaining('denies patching our own pod')]);
    await eventually(() => expect(world.cluster.isAlive('10.0.0.1:9090')).toBe(true));
  });

  test('hears of no load where the Role is not meant to allow it', async () => {
    const { api, world } = await open({}, {});
    world.cluster.reportLoad(1);
    await eventually(() => expect(api.count('watch')).toBe(1));
    world.clock.advance(0);
    expect(api.count('patch')).toBe(0);
    expect([...world.troubles, ...world.warnings]).toEqual([]);
  });
});
