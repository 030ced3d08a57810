// The chart: renders it with Helm, as `helm install` would, and gives its objects.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { findKubernetesTools } from '../../../deploy/build/kubernetes-tools.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';

export const CHART = join(ROOT, 'deploy/helm/converge');

/** The kinds that a cluster with the Prometheus operator has. */
export const PROMETHEUS_KINDS = [
  'monitoring.coreos.com/v1/PodMonitor',
  'monitoring.coreos.com/v1/PrometheusRule',
];

/** An object of Kubernetes, as far as every one looks alike. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Rendering {
  /** Names of files in the chart's ci/, without `-values.yaml`. */
  readonly sets?: readonly string[];
  /** Values over those. */
  readonly values?: object;
  /** What the cluster knows beyond Kubernetes' own kinds. */
  readonly kinds?: readonly string[];
  readonly release?: string;
  /** URL of an API server, for what the chart looks up in the cluster. */
  readonly server?: string;
}

export type RenderResult =
  | { readonly kind: 'rendered'; readonly objects: readonly KubeObject[]; readonly text: string }
  /** What Helm printed. */
  | { readonly kind: 'refused'; readonly message: string };

/** `helm template` with those values. */
export async function tryRender(rendering: Rendering = {}): Promise<RenderResult> {
  const kinds = (rendering.kinds ?? []).flatMap((kind) => ['--api-versions', kind]);
  const server =
    rendering.server === undefined
      ? []
      : ['--dry-run=server', '--disable-openapi-validation', '--kube-apiserver', rendering.server];
  try {
    const text = await runHelm('template', rendering, [...kinds, ...server]);
    return { kind: 'rendered', objects: parseObjects(text), text };
  } catch (error) {
    return { kind: 'refused', message: (error as { stderr?: string }).stderr ?? String(error) };
  }
}

/** What `helm install` prints for people. */
export async function renderNotes(
  rendering: Pick<Rendering, 'sets' | 'values' | 'release'>,
): Promise<string> {
  const text = await runHelm('install', rendering, ['--dry-run=client']);
  return text.slice(text.indexOf('\nNOTES:\n'));
}

/** What Helm prints for those values, with no cluster of the machine's own in sight. */
async function runHelm(
  command: 'template' | 'install',
  { sets = [], values = {}, release = 'converge' }: Rendering,
  options: readonly string[],
): Promise<string> {
  const { helm } = await findKubernetesTools();
  const folder = await mkdtemp(join(tmpdir(), 'converge-chart-'));
  try {
    const file = join(folder, 'values.yaml');
    await writeFile(file, stringify(values));
    const files = [...sets.map((name) => join(CHART, 'ci', `${name}-values.yaml`)), file];
    const given = files.flatMap((path) => ['-f', path]);
    const { stdout } = await promisify(execFile)(
      helm,
      [command, release, CHART, '--namespace', 'relays', ...given, ...options],
      { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, KUBECONFIG: join(folder, 'none') } },
    );
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The objects with those values; throws what Helm says when it refuses them. */
export async function render(rendering: Rendering = {}): Promise<readonly KubeObject[]> {
  const result = await tryRender(rendering);
  if (result.kind === 'refused') throw new Error(result.message);
  return result.objects;
}

/** The objects of a stream of YAML documents. */
export function parseObjects(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw error;
      return document.toJS() as KubeObject | null;
    })
    .filter((object) => object !== null);
}

/** The one object of that kind and name (by default the release's own); throws when there is none. */
export function pick(objects: readonly KubeObject[], kind: string, name = 'converge'): KubeObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found !== undefined) return found;
  const there = objects.map((object) => `${object.kind}/${object.metadata.name}`).join(', ');
  throw new Error(`no ${kind}/${name} among ${there}`);
}

/** What is at that path of an object: `spec.template.spec.containers.0.env`; undefined if nothing is. */
export function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  }, object);
}
