// The plain manifests: deploy/k8s as Helm renders the chart, one file for each object. Run directly, this file writes them.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runCommand } from './command.ts';
import { findKubernetesTools } from './kubernetes-tools.ts';
import { ROOT } from './source-tree.ts';

export const MANIFESTS = join(ROOT, 'deploy/k8s');

/** What is not rendered in that folder. */
const HAND_WRITTEN = ['README.md', 'values.yaml', 'policy'];
const NOTE = '# Rendered from the chart by deploy/build/render-manifests.ts: change it there.\n';

/** File name to text of everything that is rendered. */
export async function renderManifests(): Promise<ReadonlyMap<string, string>> {
  const { helm } = await findKubernetesTools();
  const chart = join(ROOT, 'deploy/helm/converge');
  const options = ['--namespace', 'converge', '--no-hooks', '-f', join(MANIFESTS, 'values.yaml')];
  const rendered = await runCommand(helm, ['template', 'converge', chart, ...options]);
  const files = new Map<string, string>();
  for (const document of rendered.split(/^---\n/m)) {
    const [, name] = /^# Source: converge\/templates\/(.+)$/m.exec(document) ?? [];
    if (name === undefined) continue;
    const body = document
      .replace(/^# Source: .*\n/m, '')
      // Nobody's Helm manages these, and kustomize says where they go.
      .replace(/^ +app\.kubernetes\.io\/managed-by: Helm\n/gm, '')
      .replace(/^ +helm\.sh\/chart: .*\n/gm, '')
      // In the RoleBinding's subject too: kustomize fills it in, and would leave another namespace as it is.
      .replace(/^ +namespace: converge\n/gm, '');
    files.set(name, `${NOTE}${body.trim()}\n`);
  }
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace: 'converge',
    resources: [...files.keys()].sort(),
    images: [{ name: 'converge', newTag: appVersionOf(await readFile(join(chart, 'Chart.yaml'), 'utf8')) }],
  };
  files.set('kustomization.yaml', NOTE + stringify(kustomization));
  return files;
}

/** The names of the files that are there and should be rendered ones. */
export async function listManifests(): Promise<readonly string[]> {
  return (await readdir(MANIFESTS)).filter((name) => !HAND_WRITTEN.includes(name));
}

function appVersionOf(chart: string): string {
  return /^appVersion: (\S+)$/m.exec(chart)?.[1] ?? '';
}

if (import.meta.main) {
  const files = await renderManifests();
  for (const name of await listManifests()) if (!files.has(name)) await rm(join(MANIFESTS, name));
  for (const [name, text] of files) await writeFile(join(MANIFESTS, name), text);
}
