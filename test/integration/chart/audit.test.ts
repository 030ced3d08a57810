// The record in the chart: where it goes, and what of it cannot be.
import { expect, test } from 'vitest';
import { readConfig } from '../../../services/relay/config.ts';
import { at, pick, render, tryRender } from '../../support/kubernetes/chart.ts';

interface Named {
  readonly name: string;
  readonly [field: string]: unknown;
}

async function podOf(audit: object) {
  const spec = at(pick(await render({ values: { audit } }), 'Deployment'), 'spec.template.spec');
  const named = (path: string, name: string): Named | undefined =>
    ((at(spec, path) ?? []) as Named[]).find((each) => each.name === name);
  return {
    to: named('containers.0.env', 'AUDIT_TO')?.['value'],
    tokenFile: named('containers.0.env', 'AUDIT_TOKEN_FILE')?.['value'],
    mount: (name: string) => named('containers.0.volumeMounts', name),
    volume: (name: string) => named('volumes', name),
  };
}

test('nothing of it is there until somebody says where it goes', async () => {
  const pod = await podOf({});
  expect([pod.to, pod.tokenFile, pod.mount('audit'), pod.volume('audit')]).toEqual(Array(4).fill(undefined));
});

test('beside the log it needs no more than the variable', async () => {
  const pod = await podOf({ to: 'stdout' });
  expect([pod.to, pod.volume('audit')]).toEqual(['stdout', undefined]);
});

test('a file has a folder of its own to be written to: of the pod, or what somebody says', async () => {
  const to = 'file:/var/log/converge/$(POD_ID).jsonl';
  const own = await podOf({ to });
  expect(own.to).toBe(to);
  expect(own.mount('audit')).toEqual({ name: 'audit', mountPath: '/var/log/converge' });
  expect(own.volume('audit')).toEqual({ name: 'audit', emptyDir: {} });
  const claim = { persistentVolumeClaim: { claimName: 'records' } };
  expect((await podOf({ to, volume: claim })).volume('audit')).toEqual({ name: 'audit', ...claim });
});

test('the token of an endpoint is in a file that nobody can write to', async () => {
  const pod = await podOf({ to: 'https://siem.example.com/in', tokenSecret: 'siem', tokenSecretKey: 'key' });
  expect(pod.tokenFile).toBe('/etc/converge/audit/key');
  expect(pod.mount('audit-token')).toMatchObject({ mountPath: '/etc/converge/audit', readOnly: true });
  expect(pod.volume('audit-token')).toMatchObject({
    secret: { secretName: 'siem', items: [{ key: 'key', path: 'key' }] },
  });
});

test.each<[object, RegExp]>([
  [{ to: 'stderr' }, /audit\.to is "stderr": stdout, https/],
  [{ to: 'http://siem.example.com/in' }, /audit\.to is/],
  [{ to: 'file:/tmp/audit.jsonl' }, /audit\.to is/],
  [{ to: 'stdout', tokenSecret: 'siem' }, /audit\.tokenSecret is set, but audit\.to is no endpoint/],
  [{ tokenSecret: 'siem' }, /audit\.tokenSecret is set/],
  [{ to: 'stdout', volume: { emptyDir: {} } }, /audit\.volume is set, but audit\.to is no file/],
])('%j is refused with a sentence', async (audit, said) => {
  const result = await tryRender({ values: { audit } });
  expect(result).toMatchObject({ kind: 'refused', message: expect.stringMatching(said) as unknown });
});

test.each(['stdout', 'https://siem.example.com/in', 'http://127.0.0.1:9000/in', 'http://localhost/in'])(
  'what the chart takes, the relay takes: %s',
  async (to) => {
    expect((await podOf({ to })).to).toBe(to);
    expect(readConfig({ AUDIT_TO: to }).kind).toBe('valid');
  },
);
