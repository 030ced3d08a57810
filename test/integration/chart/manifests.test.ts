// The plain manifests and the chart's README, held against the chart.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { findKubernetesTools } from '../../../deploy/build/kubernetes-tools.ts';
import { CHART_README, renderChartReadme } from '../../../deploy/build/pages/chart-readme.ts';
import { listManifests, MANIFESTS, renderManifests } from '../../../deploy/build/render-manifests.ts';
import { at, parseObjects, pick, render } from '../../support/kubernetes/chart.ts';
import { findModelFaults } from '../../support/kubernetes/kubernetes-models.ts';

test('deploy/k8s is what the chart renders (node deploy/build/render-manifests.ts writes it)', async () => {
  const expected = await renderManifests();
  expect([...(await listManifests())].sort()).toEqual([...expected.keys()].sort());
  for (const [name, text] of expected) expect(await readFile(join(MANIFESTS, name), 'utf8'), name).toBe(text);
});

test('the kustomization builds, into one namespace, without a secret in a file', async () => {
  const { kubectl } = await findKubernetesTools();
  const { stdout } = await promisify(execFile)(kubectl, ['kustomize', MANIFESTS]);
  const objects = parseObjects(stdout);
  expect(objects.map(({ kind }) => kind)).not.toContain('Secret');
  for (const object of objects) {
    expect(object.metadata.namespace, object.kind).toBe('converge');
    expect(findModelFaults(object)).toEqual([]);
  }
  const binding = pick(objects, 'RoleBinding');
  expect(at(binding, 'subjects.0.namespace')).toBe('converge');
  const image = at(pick(objects, 'Deployment'), 'spec.template.spec.containers.0.image');
  expect(image).toMatch(/^converge:\d+\.\d+\.\d+$/);
});

test('an overlay moves all of it into its own namespace, the subject of the RoleBinding too', async () => {
  const { kubectl } = await findKubernetesTools();
  const folder = await mkdtemp(join(tmpdir(), 'converge-overlay-'));
  try {
    const resources = [relative(await realpath(folder), MANIFESTS)];
    const overlay = { kind: 'Kustomization', namespace: 'elsewhere', resources };
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(overlay));
    const objects = parseObjects((await promisify(execFile)(kubectl, ['kustomize', folder])).stdout);
    for (const object of objects) expect(object.metadata.namespace, object.kind).toBe('elsewhere');
    expect(at(pick(objects, 'RoleBinding'), 'subjects.0.namespace')).toBe('elsewhere');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('with the component for the policy the relays are those of the chart with an existing ConfigMap', async () => {
  const { kubectl } = await findKubernetesTools();
  const folder = await mkdtemp(join(tmpdir(), 'converge-overlay-'));
  try {
    const above = relative(await realpath(folder), MANIFESTS);
    const overlay = { kind: 'Kustomization', resources: [above], components: [join(above, 'policy')] };
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(overlay));
    const built = parseObjects((await promisify(execFile)(kubectl, ['kustomize', folder])).stdout);
    const values = { policy: { existingConfigMap: 'converge-policy' } };
    const own = parse(await readFile(join(MANIFESTS, 'values.yaml'), 'utf8')) as object;
    const chart = pick(await render({ values: { ...own, ...values } }), 'Deployment');
    for (const part of ['volumes', 'containers.0.volumeMounts', 'containers.0.env']) {
      const path = `spec.template.spec.${part}`;
      const named = (object: unknown) =>
        [...(at(object, path) as { name: string }[])].sort((one, other) => (one.name < other.name ? -1 : 1));
      expect(named(pick(built, 'Deployment')), part).toEqual(named(chart));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the table of values is that of values.yaml (node deploy/build/pages/chart-readme.ts writes it)', async () => {
  const text = await readFile(CHART_README, 'utf8');
  expect(text).toContain('| `relay.drainTimeoutSeconds` | `30` |');
  expect(renderChartReadme(text)).toBe(text);
});
