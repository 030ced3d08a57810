// What the card says of the people who may enter.
import { expect, test } from 'vitest';
import type { AccessSummary } from '../../../../services/agent/access/access-list.ts';
import { MAX_FINGERPRINTS_SHOWN, peopleLines } from '../../../../services/agent/notices/people-lines.ts';

const NOBODY: AccessSummary = {
  authorizedKeys: 0,
  accounts: [],
  authorities: [],
  principals: ['abc'],
  relay: undefined,
};

function keyOf(fingerprint: string, comment = '') {
  return { type: 'ssh-ed25519', blob: Buffer.from(fingerprint), fingerprint, comment };
}

test('accounts are shown with their fingerprints, and whose they are in a team', () => {
  const accounts = [
    { name: 'github:ada', keys: [keyOf('SHA256:a', 'github:ada'), keyOf('SHA256:b', 'ada@home')] },
    { name: 'github:acme/ops', keys: [keyOf('SHA256:c', 'github:bob')] },
    { name: 'gitlab:eve', keys: [] },
    { name: 'gitlab:bob', keys: [], isSilent: true },
  ];
  expect(peopleLines({ ...NOBODY, authorizedKeys: 1, accounts })).toEqual([
    'Enter with your SSH key: 4 keys are accepted, no password.',
    '  github:ada:',
    '    SHA256:a',
    '    SHA256:b',
    '  github:acme/ops:',
    '    SHA256:c (github:bob)',
    '  gitlab:eve: no key that can log in yet; add one there and come again',
    '  gitlab:bob: did not answer; it is asked again when somebody comes with a key that is not known',
  ]);
});

test('of many keys the first are shown', () => {
  const keys = Array.from({ length: MAX_FINGERPRINTS_SHOWN + 3 }, (_, index) => keyOf(`SHA256:${index}`));
  const lines = peopleLines({ ...NOBODY, accounts: [{ name: 'https://h/list', keys }] });
  expect(lines).toHaveLength(2 + MAX_FINGERPRINTS_SHOWN + 1);
  expect(lines.at(-1)).toBe('    and 3 more');
});

test('authorities are shown with whom their certificates must name', () => {
  const authorities = [
    { fingerprint: 'SHA256:ca', comment: 'acme users\u001b[2J' },
    { fingerprint: 'SHA256:cb', comment: '' },
  ];
  expect(peopleLines({ ...NOBODY, authorities, principals: ['abc', 'ops'] })).toEqual([
    'Enter with an SSH certificate, no password.',
    expect.stringMatching(/^ {2}certificates for abc or ops by SHA256:ca \(acme users[\x20-\x7e]*\)$/),
    '  certificates for abc or ops by SHA256:cb',
  ]);
  const [headline, first] = peopleLines({ ...NOBODY, authorizedKeys: 1, authorities, principals: 'any' });
  expect(headline).toBe('Enter with your SSH key or certificate: 1 key is accepted, no password.');
  expect(first).toContain('certificates for anybody by SHA256:ca');
});

test('what a relay gives is said to be its word', () => {
  const relay = {
    host: 'relay.test',
    accounts: [{ name: 'github:ada', keys: [keyOf('SHA256:a')] }],
    authorities: [{ fingerprint: 'SHA256:ca', comment: '' }],
  };
  expect(peopleLines({ ...NOBODY, relay })).toEqual([
    'Enter with your SSH key or certificate: 1 key is accepted, no password.',
    'The relay of relay.test says who else may enter (--access policy):',
    '  github:ada:',
    '    SHA256:a',
    '  certificates for abc by SHA256:ca',
  ]);
  expect(peopleLines({ ...NOBODY, relay: { ...relay, accounts: [], authorities: [] } }).at(-1)).toBe(
    'The relay of relay.test may say who else may enter, and names nobody.',
  );
});
