// Keys in a policy: lines as ssh-keygen writes them, and lists of revoked ones that it has made.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPublicKey } from '#shared/ssh/public-key.ts';
import { faultsOf, testPolicy } from '../../../../support/relay/policy-text.ts';
import { certify, sshKeygen } from '../../../../support/ssh/ssh-keygen.ts';

let folder: string;
let line: string;
let certificate: string;
let revoked: string;
let fingerprint: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'converge-policy-'));
  const at = (name: string) => join(folder, name);
  for (const name of ['ca', 'ada'])
    await sshKeygen(['-q', '-t', 'ed25519', '-N', '', '-C', `${name} of acme`, '-f', at(name)]);
  await certify(at('ca'), at('ada'), ['-I', 'ada', '-n', 'ada']);
  await sshKeygen(['-q', '-k', '-f', at('krl'), at('ada.pub')]);
  line = readFileSync(at('ca.pub'), 'utf8').trim();
  certificate = readFileSync(at('ada-cert.pub'), 'utf8').trim();
  revoked = readFileSync(at('krl')).toString('base64');
  const { said } = await sshKeygen(['-l', '-f', at('ca.pub')]);
  fingerprint = said.split(' ')[1] ?? '';
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('a key is known by the fingerprint that ssh-keygen prints, and by its comment', () => {
  const { agents } = testPolicy(`agents:\n- { name: a, keys: ['${line}'], ids: a.* }`);
  expect(agents?.[0]?.proof).toEqual({ kind: 'key', keys: [{ fingerprint, comment: 'ca of acme' }] });
});

test('a rule of certificates has authorities, principals and what is revoked', () => {
  const { clients } = testPolicy(
    `clients:\n- name: a\n  certificate-authorities: '${line}'\n  principals: [ada, ben]\n  revoked-keys: |\n    ${revoked.replaceAll(/.{40}/g, '$&\n    ')}`,
  );
  const proof = clients?.[0]?.proof;
  if (proof?.kind !== 'certificate') throw new Error('no rule of certificates');
  expect(proof).toMatchObject({ authorities: [{ fingerprint }], principals: ['ada', 'ben'] });
  const blob = (text: string) => Buffer.from(text.split(' ')[1] ?? '', 'base64');
  const [ada, ca] = [readFileSync(join(folder, 'ada.pub'), 'utf8'), line].map((text) =>
    readPublicKey(blob(text)),
  );
  expect(ada && proof.revoked?.list.revocationOf(ada)).toBe('key');
  expect(ca && proof.revoked?.list.revocationOf(ca)).toBeUndefined();
});

describe('refused', () => {
  const keys = (text: string) => faultsOf(`agents:\n- { name: a, ids: a.*, keys: [${text}] }`);

  test('a certificate in the place of a key', () => {
    expect(keys(`'${certificate}'`)).toEqual([expect.stringMatching(/^2: .*is a certificate: give the key/)]);
  });

  test('a key twice, a type that is not taken, options before the key, half a key', () => {
    const dss = `ssh-dss ${Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('ssh-dss')]).toString('base64')}`;
    expect(keys(`'${line}', '${line} again'`)).toEqual([expect.stringMatching(/is there twice/)]);
    expect(keys(`'${dss}'`)).toEqual([
      expect.stringMatching(/no key that is taken: the types are ssh-ed25519/),
    ]);
    expect(keys(`'restrict ${line}'`)).toEqual([expect.stringMatching(/without options/)]);
    expect(keys(`'${line.slice(0, 40)}'`)).toEqual([expect.stringMatching(/is no key/)]);
  });

  test('a private key, of which nothing is repeated', () => {
    const secret = readFileSync(join(folder, 'ca'), 'utf8');
    const [fault = ''] = keys(JSON.stringify(secret));
    expect(fault).toMatch(/what stands here/);
    expect(fault).not.toContain(secret.split('\n')[1]?.slice(0, 10));
  });

  test.each([
    ['!!', /is not base64/],
    [Buffer.from('SSHKRL\n\0').toString('base64'), /^3: .*the list in "revoked-keys"/],
    [Buffer.from('hello').toString('base64'), /no public key in line 1/],
  ])('a list of revoked keys that cannot be read: %s', (list, fault) => {
    const found = faultsOf(
      `clients:\n- { name: a, certificate-authorities: '${line}',\n    revoked-keys: '${list}' }`,
    );
    expect(found).toEqual([expect.stringMatching(fault)]);
  });

  test('principals with a *', () => {
    const rule = `{ name: a, certificate-authorities: '${line}', principals: ['*'] }`;
    expect(faultsOf(`clients:\n- ${rule}`)).toEqual([expect.stringMatching(/principal "\*" has a \*/)]);
  });

  test('an authority in "access" that is none', () => {
    const rule = (text: string) =>
      `{ name: a, keys: ['${line}'], ids: a.*, access: { user-authorities: ['${text}'] } }`;
    expect(faultsOf(`agents:\n- ${rule(certificate)}`)).toEqual([expect.stringMatching(/is a certificate/)]);
    expect(faultsOf(`agents:\n- ${rule(line)}`)).toEqual([]);
    expect(faultsOf(`agents:\n- ${rule(`${line} ${'x'.repeat(1_024)}`)}`)).toEqual([
      expect.stringMatching(/has \d+ characters, and an agent takes 1024/),
    ]);
  });
});
