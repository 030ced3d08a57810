// What `helm install` tells people: commands for this very release, which must name what was rendered.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHART, render, renderNotes } from '../../support/kubernetes/chart.ts';

const SETS = (await readdir(join(CHART, 'ci'))).map((file) => file.replace('-values.yaml', ''));

test.each(['', ...SETS])('every object that the notes of "%s" name is there', async (set) => {
  const sets = set === '' ? [] : [set];
  const notes = await renderNotes({ sets, release: 'blue' });
  const objects = await render({ sets, release: 'blue' });
  const names = objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
  const named = [...notes.matchAll(/\b(deployment|service|secret|ingress|httproute)[/ ](blue\S*)/g)];
  expect(named.length).toBeGreaterThan(2);
  for (const [, kind = '', name = ''] of named) expect(names).toContain(`${kind}/${name}`);
  for (const line of notes.split('\n').filter((text) => /^ {2}(kubectl|helm) /.test(text)))
    expect(line).toMatch(/^ {2}(kubectl|helm) -n relays /);
});

test('the notes say how people get there, whatever leads to it', async () => {
  const page = async (values: object) =>
    /the page there: (.*)$/m.exec(await renderNotes({ values, release: 'blue' }))?.[1];
  const ingress = { enabled: true, host: 'a.example.com' };
  expect(await page({ ingress: { ...ingress, tls: { secretName: 'cert' } } })).toBe('https://a.example.com/');
  expect(await page({ ingress })).toBe('https://a.example.com/ (http:// if nothing ends TLS)');
  expect(await page({ service: { type: 'LoadBalancer' } })).toBe('http://ADDRESS:80/');
  expect(await page({})).toBeUndefined();
  expect(await renderNotes({})).toContain('port-forward service/converge 8080:80');
});

test('the notes say by which address clients are known behind an ingress', async () => {
  const ingress = { enabled: true, host: 'a.example.com' };
  const notes = (values: object) => renderNotes({ values: { ingress, ...values } });
  const unknown = await notes({});
  expect(unknown).toContain('Every client is known by the address of the ingress');
  expect(unknown).toContain('the page prints ws://');
  expect(await notes({ relay: { publicUrl: 'https://a.example.com' } })).not.toContain(
    'the page prints ws://',
  );
  const ingressNamespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } };
  const known = await notes({ networkPolicy: { ingressNamespaceSelector } });
  expect(known).toContain('by the address that the ingress gives them');
  for (const trustProxy of ['10.42.0.0/16', 'uniquelocal', 2, false]) {
    const told = await notes({ relay: { trustProxy } });
    expect(told).not.toMatch(/known by the address/);
  }
  expect(await renderNotes({})).not.toMatch(/known by the address/);
});

test('the notes warn of an image that no registry has', async () => {
  expect(await renderNotes({})).toContain('a name without a registry');
  const image = { repository: 'registry.example.com/converge' };
  expect(await renderNotes({ values: { image } })).not.toContain('a name without a registry');
});
