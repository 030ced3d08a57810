// The policy in the chart: from a value or from a ConfigMap, as the relay reads it, and what it says to people.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { at, CHART, pick, render, renderNotes, tryRender } from '../../support/kubernetes/chart.ts';

const FOLDER = '/etc/converge/policy';
const TEXT = '# Nobody yet.\nagents: []\nclients:\n  - { name: office, networks: [203.0.113.0/24] }\n';

interface PolicyValues {
  readonly relay: { readonly publicUrl: string };
  readonly policy: { readonly file: string };
}

interface Named {
  readonly name: string;
  readonly [field: string]: unknown;
}

async function podOf(values: object) {
  const objects = await render({ values });
  const spec = at(pick(objects, 'Deployment'), 'spec.template.spec');
  const listed = (path: string): readonly Named[] => (at(spec, path) ?? []) as Named[];
  const named = (path: string, name: string): Named | undefined =>
    listed(path).find((each) => each.name === name);
  return {
    file: named('containers.0.env', 'POLICY_FILE')?.['value'],
    mount: (name: string) => named('containers.0.volumeMounts', name),
    volume: (name: string) => named('volumes', name),
    text: (key: string) =>
      objects.some(({ kind }) => kind === 'ConfigMap')
        ? (at(pick(objects, 'ConfigMap', 'converge-policy'), 'data') as Record<string, string>)[key]
        : undefined,
    sum: at(pick(objects, 'Deployment'), 'spec.template.metadata.annotations.checksum/config'),
  };
}

test('without one nothing of it is there', async () => {
  const pod = await podOf({});
  expect([pod.file, pod.mount('policy'), pod.volume('policy'), pod.text('policy.yaml')]).toEqual(
    Array(4).fill(undefined),
  );
});

test('as text it is in the file to the letter, with its comments and in its lines', async () => {
  for (const file of [
    TEXT,
    `  ${TEXT.replaceAll('\n', '\n  ').trimEnd()}\n`,
    '# {{ not a template }}\nagents: []\n',
  ]) {
    const pod = await podOf({ policy: { file } });
    expect(pod.text('policy.yaml')).toBe(file);
    expect(pod.file).toBe(`${FOLDER}/policy.yaml`);
    expect(pod.volume('policy')).toMatchObject({ configMap: { name: 'converge-policy' } });
  }
});

test('as a map it is the same, and a large number stays one', async () => {
  const file = {
    agents: [{ name: 'a', match: { project_id: 123_456_789_012, enabled: true }, ids: 'gl.{project_id}.*' }],
    clients: [],
  };
  const text = (await podOf({ policy: { file } })).text('policy.yaml') ?? '';
  expect(parse(text)).toEqual(file);
  expect(text).toContain('123456789012');
});

test('is in a folder that the kubelet renews, and not optional: without it no relay starts, rather than an open one', async () => {
  const pod = await podOf({ policy: { existingConfigMap: 'ours', existingConfigMapKey: 'rules.yaml' } });
  expect(pod.file).toBe(`${FOLDER}/rules.yaml`);
  expect(pod.mount('policy')).toEqual({ name: 'policy', mountPath: FOLDER, readOnly: true });
  expect(pod.volume('policy')).toEqual({ name: 'policy', configMap: { name: 'ours' } });
  expect(pod.text('policy.yaml')).toBeUndefined();
});

test('a new one restarts no pod', async () => {
  const { sum } = await podOf({ policy: { file: TEXT } });
  expect((await podOf({ policy: { file: 'agents: []' } })).sum).toBe(sum);
});

test('the client secret of single sign-on is the file that the policy names', async () => {
  const set = parse(await readFile(join(CHART, 'ci/policy-github-values.yaml'), 'utf8')) as PolicyValues;
  const { file } = set.policy;
  const named = (parse(file) as { sso: { 'client-secret-file': string } }).sso['client-secret-file'];
  const pod = await podOf({ policy: { file, ssoSecret: 'ours', ssoSecretKey: 'secret' } });
  const items = at(pod.volume('sso'), 'secret.items.0') as { key: string; path: string };
  expect(at(pod.volume('sso'), 'secret.secretName')).toBe('ours');
  expect(items.key).toBe('secret');
  expect(`${String(pod.mount('sso')?.['mountPath'])}/${items.path}`).toBe(named);
});

test('a comment in a policy names no secret', async () => {
  const file = `# client-secret-file: /etc/converge/sso/client-secret\n${TEXT}`;
  expect(await tryRender({ values: { policy: { file } } })).toHaveProperty('kind', 'rendered');
  expect(await tryRender({ values: { policy: { file, ssoSecret: 'ours' } } })).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('policy.file does not read it'),
  });
});

describe('is refused with a sentence', () => {
  const secretFile = 'sso: { client-secret-file: /etc/converge/sso/client-secret }';
  test.each<[string, object, RegExp]>([
    [
      'given twice',
      { file: TEXT, existingConfigMap: 'ours' },
      /policy: file and existingConfigMap are both set/,
    ],
    ['a secret and no policy', { ssoSecret: 'ours' }, /policy\.ssoSecret without a policy: set policy\.file/],
    [
      'a secret that nothing reads',
      { file: TEXT, ssoSecret: 'ours' },
      /write client-secret-file: \/etc\/converge\/sso/,
    ],
    ['a secret that is nowhere', { file: secretFile }, /no Secret is mounted: set policy\.ssoSecret/],
    ['a list', { file: ['agents'] }, /policy\/file/],
  ])('%s', async (_name, policy, sentence) => {
    const result = await tryRender({ values: { policy } });
    expect(result.kind === 'refused' ? result.message : '').toMatch(sentence);
  });
});

test('the notes say that a relay is open, and how to close it; or where its policy is', async () => {
  const open = /^open: everybody who reaches this relay may use it/m;
  expect(await renderNotes({})).toMatch(open);
  expect(await renderNotes({})).toContain('policy.existingConfigMap');
  for (const policy of [{ file: TEXT }, { file: { agents: [] } }, { existingConfigMap: 'converge-policy' }]) {
    const notes = await renderNotes({ values: { policy } });
    expect(notes).not.toMatch(open);
    expect(notes).toContain('the ConfigMap converge-policy');
  }
});

test('every value set for a policy has one, for the name that people type', async () => {
  const sets = (await readdir(join(CHART, 'ci'))).filter((name) => name.startsWith('policy-'));
  expect(sets).toHaveLength(3);
  for (const name of sets) {
    const { relay, policy } = parse(await readFile(join(CHART, 'ci', name), 'utf8')) as PolicyValues;
    const { audience, agents, clients } = parse(policy.file) as Record<string, unknown>;
    expect(audience).toBe(relay.publicUrl);
    expect([agents, clients]).toEqual([expect.any(Array), expect.any(Array)]);
  }
});
