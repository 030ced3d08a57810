// A release of the chart in a namespace of its own, on the cluster of the current KUBECONFIG.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { findKubernetesTools } from '../../deploy/build/kubernetes-tools.ts';
import { at, CHART, type KubeObject } from './chart.ts';

/** A pull of the image included. */
const INSTALL_WITHIN = '10m';
const RELAY_PODS = 'app.kubernetes.io/instance=converge,app.kubernetes.io/component=relay';

export interface ClusterRelease extends AsyncDisposable {
  readonly namespace: string;
  readonly kubectlFile: string;
  /** Runs kubectl in the namespace; resolves to its standard output, rejects with all that it said. */
  kubectl(...args: string[]): Promise<string>;
  helm(...args: string[]): Promise<string>;
  /** Installs or upgrades, keeping the values of before, and waits until it is rolled out. */
  upgrade(values: Readonly<Record<string, string | number>>): Promise<void>;
  /** The relay pods that are ready and stay, by name. */
  readyPods(): Promise<readonly string[]>;
  /** What all relay pods together count, of lines of /metrics that start with `series`. */
  sumMetric(series: string): Promise<number>;
}

/** A new namespace; nothing is installed yet. Disposed of, the namespace is deleted. */
export async function openRelease(image: string): Promise<ClusterRelease> {
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
  await kubectl('create', 'namespace', namespace);
  return {
    namespace,
    kubectlFile,
    kubectl,
    helm,
    readyPods,
    async upgrade(values) {
      const colon = image.lastIndexOf(':');
      const all = {
        'image.repository': image.slice(0, colon),
        'image.tag': image.slice(colon + 1),
        ...values,
      };
      const sets = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
      const options = ['--install', '--reset-then-reuse-values', '--wait', '--timeout', INSTALL_WITHIN];
      await helm('upgrade', 'converge', CHART, ...options, ...sets);
    },
    async sumMetric(series) {
      const script =
        "fetch('http://localhost:9090/metrics').then((r) => r.text()).then((t) => console.log(t))";
      const texts = await Promise.all(
        (await readyPods()).map((pod) => kubectl('exec', pod, '--', 'node', '-e', script)),
      );
      const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line.startsWith(series));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
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
