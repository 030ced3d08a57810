// A release of the chart in a namespace of its own, on the cluster of the current KUBECONFIG.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findKubernetesTools } from '../../deploy/build/kubernetes-tools.ts';
import { at, CHART, type KubeObject } from '../support/kubernetes/chart.ts';
import { sumOf } from '../support/relay/exposition.ts';
import { until } from '../support/time/poll.ts';
import { imageValues } from './cluster-image.ts';

/** A pull of the image included. */
const INSTALL_WITHIN = '10m';
/** Each look is a process and a call to the API server. */
const LOOK_EVERY_MS = 1_000;

const ROLLED_OUT_WITHIN_MS = 600_000;

/** The release, and what its objects are called: the chart's own default. */
export const RELEASE = 'converge';

const RELAY_PODS = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=relay`;

export interface ClusterRelease extends AsyncDisposable {
  readonly namespace: string;
  readonly kubectlFile: string;
  /** Runs kubectl in the namespace; resolves to its standard output, rejects with all that it said. */
  kubectl(...args: string[]): Promise<string>;
  helm(...args: string[]): Promise<string>;
  /** Installs or upgrades, keeping the values of before, and waits until it is rolled out. */
  upgrade(values: Readonly<Record<string, string | number>>): Promise<void>;
  /** Makes an object in the namespace, or changes it. */
  apply(object: object): Promise<void>;
  /** Runs a script of Node in a pod with the relay's image; resolves to what it printed. */
  runIn(pod: string, script: string): Promise<string>;
  /** The relay pods that are ready and stay, by name. */
  readyPods(): Promise<readonly string[]>;
  /** Resolves once this many of them are. */
  waitForPods(count: number): Promise<void>;
  /** The relay pods that a session runs through, by name. */
  busyPods(): Promise<readonly string[]>;
  /** What all relay pods together count, of the metric's series with those labels. */
  sumMetric(series: string): Promise<number>;
  /** What the namespace looks like, for the report of a failure. */
  describe(): Promise<string>;
}

export interface ReleaseOptions {
  readonly image: string;
  /** A file of values for what this cluster needs (a mirror of Redis, tolerations). */
  readonly valuesFile?: string | undefined;
}

/** A new namespace; nothing is installed yet. Disposed of, the namespace is deleted. */
export async function openRelease({ image, valuesFile }: ReleaseOptions): Promise<ClusterRelease> {
  const { helm: helmFile, kubectl: kubectlFile } = await findKubernetesTools();
  const namespace = `converge-test-${randomBytes(4).toString('hex')}`;
  const run = async (file: string, args: readonly string[]) => {
    const { stdout } = await promisify(execFile)(file, ['--namespace', namespace, ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  };
  const kubectl = (...args: string[]) => run(kubectlFile, args);
  const helm = (...args: string[]) => run(helmFile, args);
  const readyPods = async () => {
    const { items } = JSON.parse(await kubectl('get', 'pods', '-l', RELAY_PODS, '-o', 'json')) as {
      items: KubeObject[];
    };
    return items.filter(isReady).map(({ metadata }) => metadata.name);
  };
  const runIn = (pod: string, script: string) => kubectl('exec', pod, '--', 'node', '-e', script);
  const readMetrics = (pod: string) =>
    runIn(pod, "fetch('http://localhost:9090/metrics').then((r) => r.text()).then((t) => console.log(t))");
  await kubectl('create', 'namespace', namespace);
  // Here every pod must meet the strictest of the Pod Security Standards, or it is not let in.
  await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
  return {
    namespace,
    kubectlFile,
    kubectl,
    helm,
    runIn,
    readyPods,
    async apply(object) {
      const folder = await mkdtemp(join(tmpdir(), 'converge-apply-'));
      try {
        const file = join(folder, 'object.json');
        await writeFile(file, JSON.stringify(object));
        await kubectl('apply', '-f', file);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async waitForPods(count) {
      const there = async () => (await readyPods()).length === count;
      await until(`${count} relays are ready`, there, ROLLED_OUT_WITHIN_MS, LOOK_EVERY_MS);
    },
    async upgrade(values) {
      const strings = Object.entries(imageValues(image)).map(([name, value]) => `image.${name}=${value}`);
      const sets = [
        ...(valuesFile === undefined ? [] : ['-f', valuesFile]),
        // A tag of digits is no number.
        ...strings.flatMap((text) => ['--set-string', text]),
        ...Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
      ];
      const options = ['--install', '--reset-then-reuse-values', '--wait', '--timeout', INSTALL_WITHIN];
      await helm('upgrade', RELEASE, CHART, ...options, ...sets);
    },
    async busyPods() {
      const pods = await readyPods();
      const texts = await Promise.all(pods.map(readMetrics));
      return pods.filter((_, index) => sumOf(texts[index] ?? '', 'converge_sessions') > 0);
    },
    async sumMetric(series) {
      const texts = await Promise.all((await readyPods()).map(readMetrics));
      return texts.reduce((sum, text) => sum + sumOf(text, series), 0);
    },
    async describe() {
      const looks = [
        ['get', 'pods', '-o', 'wide'],
        ['get', 'events', '--sort-by=.lastTimestamp'],
        ['logs', '-l', RELAY_PODS, '--tail=40', '--prefix'],
      ];
      const texts = looks.map(async (args) => {
        const said = await kubectl(...args).catch((error: unknown) => String(error));
        return `--- kubectl ${args.join(' ')}\n${said}`;
      });
      return (await Promise.all(texts)).join('\n');
    },
    async [Symbol.asyncDispose]() {
      await kubectl('delete', 'namespace', namespace, '--wait=false');
    },
  };
}

function isReady(pod: KubeObject): boolean {
  if (at(pod, 'metadata.deletionTimestamp') !== undefined) return false;
  const conditions = (at(pod, 'status.conditions') ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
