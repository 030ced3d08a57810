// Lines of .pub files, and those that only look like one.
import { expect, test } from 'vitest';
import { readBlobLine, readKeyLine } from '../../../../services/shared/ssh/key-line.ts';
import { makeTestCertificate } from '../../../support/ssh/test-certificate.ts';
import { makeTestKey, TEST_KEY_TYPES } from '../../../support/ssh/test-key.ts';

const KEY = makeTestKey('ssh-ed25519');
const BASE64 = KEY.blob.toString('base64');

test.each(TEST_KEY_TYPES)('a line with a key of type %s is read, comment and all', (type) => {
  const { blob } = makeTestKey(type);
  const line = `${type} ${blob.toString('base64')}`;
  expect(readKeyLine(line)).toMatchObject({ key: { type, blob }, comment: '' });
  expect(readKeyLine(`  ${line}\t jane at work  \r\n`)).toMatchObject({
    key: { type, blob },
    comment: 'jane at work',
  });
});

test.each([
  ['', 'nothing'],
  ['ssh-ed25519', 'a type alone'],
  [BASE64, 'a key alone'],
  [`ssh-rsa ${BASE64}`, 'another type than the key has'],
  [`ssh-ed25519 ${BASE64.slice(0, -4)}`, 'a key that is cut short'],
  [`ssh-ed25519 ${BASE64.slice(0, 20)}!${BASE64.slice(20)}`, 'a character that is no base64'],
  [`ssh-ed25519 ${BASE64.slice(0, 20)} ${BASE64.slice(20)}`, 'a space in the key'],
  [`no-pty ssh-ed25519 ${BASE64}`, 'an option'],
  [`cert-authority ssh-ed25519 ${BASE64}`, 'what known_hosts says'],
  [`# ssh-ed25519 ${BASE64}`, 'a comment'],
  [`ssh-ed25519 ${BASE64}\nssh-ed25519 ${BASE64}`, 'two lines'],
  ['-----BEGIN OPENSSH PRIVATE KEY-----', 'a private key'],
])('%j is no key: %s', (line) => {
  expect(readKeyLine(line)).toBeUndefined();
});

test('a certificate is a line, and no key', () => {
  const blob = makeTestCertificate(KEY, KEY);
  const line = `ssh-ed25519-cert-v01@openssh.com ${blob.toString('base64')} jane`;
  expect(readBlobLine(line)).toEqual({ type: 'ssh-ed25519-cert-v01@openssh.com', blob, comment: 'jane' });
  expect(readKeyLine(line)).toBeUndefined();
});
