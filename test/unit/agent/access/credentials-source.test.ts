// What an agent prepares at its start: whose keys and certificates count, what is fatal, and what is only said.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type PeopleOptions,
  type PreparedCredentials,
  prepareCredentials,
} from '../../../../services/agent/access/credentials-source.ts';
import { parseAccount } from '../../../../services/agent/access/key-account.ts';
import { MAX_USER_AUTHORITIES } from '../../../../services/agent/access/user-authorities.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { type KeyLists, startKeyLists } from '../../../support/ssh/key-lists.ts';
import { makeTestCertificate } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, type TestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const [ca, ada, bob] = [
  makeTestKey('ecdsa-sha2-nistp384'),
  makeTestKey('ssh-ed25519'),
  makeTestKey('ssh-ed25519'),
];

let lists: KeyLists;
let directory: string;
let clock: ManualClock;
let told: string[];

beforeEach(async () => {
  lists = await startKeyLists();
  directory = await mkdtemp(join(tmpdir(), 'people-'));
  clock = new ManualClock();
  told = [];
});
afterEach(async () => {
  await lists[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

function lineOf({ type, blob }: TestKey, comment = 'of the test'): string {
  return `${type} ${blob.toString('base64')} ${comment}\n`;
}

async function fileWith(text: string | Buffer, name = 'file'): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

function prepare(
  people: Partial<PeopleOptions> & { readonly allow?: readonly string[] },
): Promise<PreparedCredentials> {
  const { allow = [], ...rest } = people;
  const accounts = allow.flatMap((text) => {
    const read = parseAccount(text);
    return read.kind === 'account' ? [read.account] : [];
  });
  const nobody = {
    sources: [],
    authorities: [],
    principals: undefined,
    revokedKeys: undefined,
    asksRelay: false,
  };
  const entry: PeopleOptions = { kind: 'keys', allowsHttp: false, ...nobody, accounts, ...rest };
  const context = {
    clock,
    fetch: lists.fetch,
    githubToken: undefined,
    tell: (line: string) => told.push(line),
  };
  return prepareCredentials({ entry, user: 'abc', hasLink: false }, context);
}

/** The kind of what is thought of each, or the faults. */
async function verdicts(
  prepared: Promise<PreparedCredentials>,
  ...blobs: Buffer[]
): Promise<readonly string[]> {
  const result = await prepared;
  if (result.kind === 'failed') return result.faults;
  if (result.credentials.kind === 'password') return ['a password'];
  const { access } = result.credentials;
  return blobs.map((blob) => access.judge(blob, '192.0.2.7').kind);
}

describe('people', () => {
  test('are all that are named, wherever their keys are', async () => {
    lists.answers.set('/github.com/ada.keys', lineOf(ada));
    const people = {
      sources: [await fileWith(lineOf(bob), 'keys')],
      allow: ['github:ada'],
      authorities: [await fileWith(`# ours\n\n${lineOf(ca)}`, 'ca.pub')],
    };
    const certificate = makeTestCertificate(ada, ca, { principals: ['abc'] });
    expect(await verdicts(prepare(people), ada.blob, bob.blob, certificate, ca.blob)).toEqual([
      'key',
      'key',
      'certificate',
      'unknown',
    ]);
  });

  test('by certificate are those with the login name, or with one of the principals', async () => {
    const authorities = [await fileWith(lineOf(ca))];
    const [jane, abc] = [makeTestCertificate(ada, ca), makeTestCertificate(ada, ca, { principals: ['abc'] })];
    expect(await verdicts(prepare({ authorities }), jane, abc)).toEqual(['refused', 'certificate']);
    const named = { authorities, principals: ['jane'] };
    expect(await verdicts(prepare(named), jane, abc)).toEqual(['certificate', 'refused']);
    expect(await verdicts(prepare({ authorities, principals: 'any' }), jane, abc)).toEqual([
      'certificate',
      'certificate',
    ]);
  });

  test('come in no more by a key that is revoked', async () => {
    const sources = [await fileWith(lineOf(ada) + lineOf(bob), 'keys')];
    const revokedKeys = await fileWith(lineOf(ada), 'revoked');
    expect(await verdicts(prepare({ sources, revokedKeys }), ada.blob, bob.blob)).toEqual(['refused', 'key']);
  });

  test('who have no key yet are asked for again, and only that is no fault', async () => {
    lists.answers.set('/github.com/ada.keys', '\n');
    const result = await prepare({ allow: ['github:ada'] });
    if (result.kind === 'failed' || result.credentials.kind === 'password') throw new Error('failed');
    const { access } = result.credentials;
    expect(access.judge(ada.blob, '')).toEqual({ kind: 'unknown' });
    lists.answers.set('/github.com/ada.keys', lineOf(ada));
    await access.lookAgain();
    expect(access.judge(ada.blob, '')).toMatchObject({ kind: 'key' });
    expect(told).toEqual([`github:ada may enter with more keys now: ${keyFingerprint(ada.blob)}`]);
    expect(result.entry()).toMatchObject({ people: { accounts: [{ name: 'github:ada', keys: [{}] }] } });
  });
});

describe('a start fails', () => {
  test('with every fault at once', async () => {
    const people = {
      sources: [join(directory, 'absent')],
      allow: ['github:nobody', 'github:acme/ops'],
      authorities: ['https://h/absent.pub', await fileWith('no key\n', 'ca.pub')],
      revokedKeys: await fileWith('no key\n', 'revoked'),
    };
    expect(await verdicts(prepare(people))).toEqual([
      `authorized keys ${directory}/absent: no such file; give a path or an https:// URL`,
      'trusted user CA https://h/absent.pub: the server answered 404; check the URL',
      `trusted user CA ${directory}/ca.pub, line 1: not the public key of an authority, as in ca.pub`,
      `revoked keys ${directory}/revoked: it has no public key in line 1; a specification is made a KRL by ssh-keygen -k`,
      'github:nobody: there is no such account; check the name',
      expect.stringMatching(/^github:acme\/ops: .* put one into CONVERGE_GITHUB_TOKEN$/),
    ]);
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['options before the key', `cert-authority ${lineOf(ca)}`],
    [
      'a certificate',
      lineOf({ ...ca, type: 'ssh-ed25519-cert-v01@openssh.com', blob: makeTestCertificate(ada, ca) }),
    ],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\n'],
    ['too many authorities', lineOf(ca).repeat(MAX_USER_AUTHORITIES + 1)],
  ])('for a file of authorities with %s', async (_name, text) => {
    const faults = await verdicts(prepare({ authorities: [await fileWith(text, 'ca.pub')] }));
    expect(faults).toEqual([expect.stringMatching(/^trusted user CA \S+\/ca.pub(, line 1)?: /)]);
  });

  test('where the one provider does not answer, and not where somebody else may enter as well', async () => {
    lists.answers.set('/github.com/ada.keys', 503);
    const fault = 'github:ada: the server answered 503; check the URL';
    expect(await verdicts(prepare({ allow: ['github:ada'] }))).toEqual([fault]);
    const keys = [await fileWith(lineOf(bob))];
    for (const others of [{ sources: keys }, { authorities: keys }, { asksRelay: true }]) {
      const result = await prepare({ allow: ['github:ada'], ...others });
      expect(result).toMatchObject({ kind: 'prepared', notes: [`${fault}; asked again later`] });
    }
    lists.answers.set('/github.com/bob.keys', lineOf(bob));
    expect(await verdicts(prepare({ allow: ['github:ada', 'github:bob'] }), bob.blob)).toEqual(['key']);
  });
});
