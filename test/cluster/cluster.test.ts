// The chart's promises on a real cluster, in the order of a release's life: each test goes on where the last one ended.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { hashOf, makeBytes } from '../support/laptop/bytes.ts';
import { type E2eAgent, startAgent } from '../support/laptop/job.ts';
import { openWay, type Way } from '../support/laptop/laptop.ts';
import { useWorld } from '../support/laptop/world.ts';
import { until } from '../support/time/poll.ts';
import { type ClusterRelease, openRelease, RELEASE } from './cluster.ts';
import { type ClusterIngress, openIngress } from './cluster-ingress.ts';
import { enforcesPolicies, REFUSED, startStranger, tryConnect } from './cluster-strangers.ts';

const MIB = 2 ** 20;
const SET_UP_WITHIN_MS = 900_000;
const GONE_WITHIN_MS = 120_000;
const CARRIED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 1_000;
/** At 80 Mbit/s this takes about as long as three pods take to be replaced one by one. */
const TRANSFER_BYTES = 1_024 * MIB;
const TRANSFER_KBIT_PER_SECOND = '80000';

const IMAGE = process.env['CONVERGE_IMAGE'] ?? '';

const world = useWorld();
let release: ClusterRelease;
let ingress: ClusterIngress;
let agent: E2eAgent;
let way: Way;

beforeAll(async () => {
  release = await openRelease({ image: IMAGE, valuesFile: process.env['CONVERGE_VALUES'] });
  try {
    await release.upgrade({ replicas: 3, 'relay.drainDelaySeconds': 3, 'relay.drainTimeoutSeconds': 10 });
    ingress = await openIngress(release, 3);
    // The whole file is slower than the ten minutes that a job has by default.
    agent = await startAgent(world, { relay: ingress.url, held: true, args: ['--timeout', '2h'] });
    way = await openWay(world, agent);
  } catch (error) {
    console.error(await release.describe());
    throw error;
  }
}, SET_UP_WITHIN_MS);

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    console.error(await release.describe());
  });
});

afterAll(async () => {
  await ingress?.[Symbol.asyncDispose]();
  await release?.[Symbol.asyncDispose]();
});

test('three relays are ready', async () => {
  expect(await release.readyPods()).toHaveLength(3);
});

test('helm test opens a session through the Service', async () => {
  expect(await release.helm('test', RELEASE, '--timeout', '5m')).toContain('Succeeded');
});

test('sessions run across pods', async () => {
  for (let session = 0; session < 6; session += 1) {
    const { code, stdout } = await way.ssh([way.host, 'echo', 'here']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'here\n' });
  }
  expect(await release.sumMetric('converge_session_setup_seconds_count{route="waiting"}')).toBeGreaterThan(0);
});

test('a transfer outlives helm upgrade', async () => {
  await transferDuring('upgrade', async () => {
    await release.upgrade({ 'podAnnotations.rolled': 'once' });
  });
});

test('a transfer outlives the loss of a pod', async () => {
  const before = countResumes();
  await transferDuring('loss', async () => {
    // One that the transfer runs through: the others would prove nothing.
    const carries = async () => (await release.busyPods())[0];
    const pod = await until('the transfer runs', carries, CARRIED_WITHIN_MS, LOOK_EVERY_MS);
    // Killed before its drain delay is over, so without a goodbye.
    await release.kubectl('delete', 'pod', pod, '--grace-period=0', '--force');
    await release.waitForPods(3);
  });
  expect(countResumes()).toBeGreaterThan(before);
});

test('strangers reach the public port, and neither the internal one nor Redis', async ({ skip }) => {
  const stranger = await startStranger(release, IMAGE);
  expect(await tryConnect(release, stranger, RELEASE, 80)).toBe('open');
  // What strangers cannot reach must be there for those who may.
  const [relay = ''] = await release.readyPods();
  expect(await tryConnect(release, relay, `${RELEASE}-internal`, 9090)).toBe('open');
  expect(await tryConnect(release, relay, `${RELEASE}-redis`, 6379)).toBe('open');
  if (!(await enforcesPolicies(release, IMAGE))) {
    const note = 'this cluster’s network plugin enforces no NetworkPolicy: who reaches what was NOT checked';
    console.warn(note);
    skip(note);
  }
  expect(REFUSED).toContain(await tryConnect(release, stranger, `${RELEASE}-internal`, 9090));
  expect(REFUSED).toContain(await tryConnect(release, stranger, `${RELEASE}-redis`, 6379));
});

test('from three to one, sessions go on and new ones begin', async () => {
  const before = await release.readyPods();
  const resumes = countResumes();
  // One through each pod, by turns.
  const running = before.map(() => way.startSsh([way.host, 'echo begun; read -r line; echo "got $line"']));
  for (const session of running) await session.see(/begun/);
  await release.upgrade({ replicas: 1 });
  await release.waitForPods(1);
  const [left] = await release.readyPods();
  // Until the others are gone they serve their sessions as before.
  const leaving = before.filter((pod) => pod !== left).map((pod) => `pod/${pod}`);
  await release.kubectl('wait', ...leaving, '--for=delete', `--timeout=${GONE_WITHIN_MS / 1_000}s`);
  for (const session of running) {
    session.child.stdin?.end('it\n');
    await session.see(/got it/);
    expect((await session.exited).code).toBe(0);
  }
  expect(countResumes()).toBeGreaterThan(resumes);
  expect((await way.ssh([way.host, 'true'])).code).toBe(0);
});

test('uninstalling leaves nothing', async () => {
  await release.helm('uninstall', RELEASE, '--wait');
  const kinds =
    'deployments,replicasets,pods,services,endpointslices,secrets,configmaps,serviceaccounts,roles,rolebindings,' +
    'networkpolicies,poddisruptionbudgets,horizontalpodautoscalers,ingresses';
  const isOurs = new RegExp(`/(sh\\.helm\\.release\\.v1\\.)?${RELEASE}\\b`);
  const isGone = async () => {
    const names = (await release.kubectl('get', kinds, '-o', 'name')).split('\n');
    return names.every((name) => !isOurs.test(name));
  };
  await until('all objects are gone', isGone, GONE_WITHIN_MS, LOOK_EVERY_MS);
});

/** How many sessions lost their transport and came back, as the agent says. */
function countResumes(): number {
  return agent.process.stdout.match(/ resumed after /g)?.length ?? 0;
}

/** Puts a file, again and again until `event` is over, and compares what arrived. */
async function transferDuring(name: string, event: () => Promise<void>): Promise<void> {
  const source = join(way.laptop.folder, name);
  const arrived = join(agent.job, name);
  await makeBytes(source, TRANSFER_BYTES);
  const over = new AbortController();
  const happening = event().finally(() => {
    over.abort();
  });
  const transferring = async () => {
    do {
      const { code, stderr } = await way.sftp([`put ${name}`], ['-l', TRANSFER_KBIT_PER_SECOND]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(await hashOf(arrived)).toBe(await hashOf(source));
      await rm(arrived);
    } while (!over.signal.aborted);
  };
  // Both to their end, whatever becomes of the other: the next test needs a release that nobody works on.
  for (const outcome of await Promise.allSettled([happening, transferring()]))
    if (outcome.status === 'rejected') throw outcome.reason;
  await rm(source);
}
