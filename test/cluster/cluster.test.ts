// The chart's promises on a real cluster, in the order of a release's life: each test goes on where the last one ended.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClusterRelease, openRelease } from '../support/cluster.ts';
import { type ClusterIngress, openIngress } from '../support/cluster-ingress.ts';
import { type E2eAgent, startAgent } from '../support/e2e-agent.ts';
import { hashOf, makeBytes } from '../support/e2e-bytes.ts';
import { openWay, type Way } from '../support/e2e-laptop.ts';
import { useWorld } from '../support/e2e-world.ts';
import { until } from '../support/poll.ts';

const MIB = 2 ** 20;
const ROLLOUT_WITHIN_MS = 600_000;
/** At 80 Mbit/s this takes longer than three pods take to be replaced one by one. */
const TRANSFER_BYTES = 1_024 * MIB;
const TRANSFER_KBIT_PER_SECOND = '80000';

const world = useWorld();
let release: ClusterRelease;
let ingress: ClusterIngress;
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  release = await openRelease(process.env['CONVERGE_IMAGE'] ?? '');
  await release.upgrade({ replicas: 3, 'relay.drainDelaySeconds': 3, 'relay.drainTimeoutSeconds': 10 });
  ingress = await openIngress(release, 3);
  agent = await startAgent(world, { relay: ingress.url, held: true });
  way = await openWay(world, agent);
}, ROLLOUT_WITHIN_MS);

afterAll(async () => {
  await ingress?.[Symbol.asyncDispose]();
  await release?.[Symbol.asyncDispose]();
});

test('three relays are ready', async () => {
  expect(await release.readyPods()).toHaveLength(3);
});

test('helm test opens a session through the Service', async () => {
  expect(await release.helm('test', 'converge', '--timeout', '5m')).toContain('Succeeded');
});

test('sessions run across pods', async () => {
  for (let session = 0; session < 6; session += 1) {
    const { code, stdout } = await way.ssh([way.host, 'echo', 'here']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'here\n' });
  }
  expect(await release.sumMetric('converge_session_setup_seconds_count{route="forwarding"}')).toBeGreaterThan(
    0,
  );
});

test('a transfer outlives helm upgrade', async () => {
  await transferDuring('upgrade', async () => {
    await release.upgrade({ 'podAnnotations.rolled': 'once' });
  });
});

test('a transfer outlives the loss of a pod', async () => {
  await transferDuring('loss', async () => {
    const [pod = ''] = await release.readyPods();
    await release.kubectl('delete', 'pod', pod, '--grace-period=0', '--force');
    await until('three pods again', async () => (await release.readyPods()).length === 3, ROLLOUT_WITHIN_MS);
  });
});

test('strangers reach the public port, and neither the internal one nor Redis', async () => {
  const script = (host: string, port: number) =>
    `const s = require('node:net').connect(${port}, '${host}').setTimeout(5000);` +
    "s.on('connect', () => { console.log('open'); process.exit() });" +
    "for (const e of ['error', 'timeout']) s.on(e, () => { console.log('closed'); process.exit() });";
  const probe = async (name: string, host: string, port: number) => {
    const image = process.env['CONVERGE_IMAGE'] ?? '';
    const options = ['--image', image, '--restart=Never', '--command', '--'];
    await release.kubectl('run', name, ...options, 'node', '-e', script(host, port));
    await release.kubectl('wait', `pod/${name}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=2m');
    const said = (await release.kubectl('logs', name)).trim();
    await release.kubectl('delete', 'pod', name);
    return said;
  };
  expect(await probe('probe-public', 'converge', 80)).toBe('open');
  const hint = 'does this cluster’s network plugin enforce NetworkPolicies?';
  expect(await probe('probe-internal', 'converge-internal', 9090), hint).toBe('closed');
  expect(await probe('probe-redis', 'converge-redis', 6379), hint).toBe('closed');
});

test('from three to one, a session goes on and new ones begin', async () => {
  const running = way.startSsh([way.host, 'echo begun; read -r line; echo "got $line"']);
  await running.see(/begun/);
  await release.upgrade({ replicas: 1 });
  await until('one pod is left', async () => (await release.readyPods()).length === 1, ROLLOUT_WITHIN_MS);
  running.child.stdin?.end('it\n');
  await running.see(/got it/);
  expect((await running.exited).code).toBe(0);
  expect((await way.ssh([way.host, 'true'])).code).toBe(0);
});

test('uninstalling leaves nothing', async () => {
  await release.helm('uninstall', 'converge', '--wait');
  const kinds =
    'deployments,replicasets,pods,services,secrets,configmaps,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets';
  await until(
    'all objects are gone',
    async () => {
      const left = await release.kubectl(
        'get',
        kinds,
        '-l',
        'app.kubernetes.io/instance=converge',
        '-o',
        'name',
      );
      return left.trim() === '';
    },
    120_000,
  );
});

/** Puts a file while `event` happens, and compares what arrived. */
async function transferDuring(name: string, event: () => Promise<void>): Promise<void> {
  const source = join(way.laptop.folder, name);
  await makeBytes(source, TRANSFER_BYTES);
  const transfer = way.sftp([`put ${name}`], ['-l', TRANSFER_KBIT_PER_SECOND]);
  await event();
  const { code, stderr } = await transfer;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await hashOf(join(agent.job, name))).toBe(await hashOf(source));
}
