// The authorized_keys format: what is read, what is skipped with a note, what is refused.
import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AuthorizedKeys,
  parseAuthorizedKeys,
} from '../../../../services/agent/access/authorized-keys.ts';
import { generateHostKey } from '../../../../services/agent/ssh/keys/host-key.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';

const ED25519 = generateHostKey().publicKey;
const ECDSA = makeEcdsaKey();

function parse(...lines: string[]): AuthorizedKeys {
  return parseAuthorizedKeys(lines.join('\n'), 'keys.txt');
}

function makeEcdsaKey(): string {
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    format: 'jwk',
  });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const blob = Buffer.concat(['ecdsa-sha2-nistp256', 'nistp256', point].map(wireString));
  return `ecdsa-sha2-nistp256 ${blob.toString('base64')}`;
}

test('keys are read with their comments, among comments, blank lines and carriage returns', () => {
  const parsed = parse('# team', '', `${ED25519} jane doe\r`, `  ${ECDSA}  `);
  expect(parsed).toMatchObject({
    kind: 'parsed',
    notes: [],
    keys: [
      { type: 'ssh-ed25519', comment: 'jane doe', fingerprint: expect.stringMatching(/^SHA256:[\w+/]{43}$/) },
      { type: 'ecdsa-sha2-nistp256', comment: '' },
    ],
  });
});

test('harmless options are ignored with a note that names the line', () => {
  expect(parse(`no-x11-forwarding,environment="A=b, c" ${ED25519} jane`)).toMatchObject({
    kind: 'parsed',
    keys: [{ comment: 'jane' }],
    notes: ['keys.txt, line 1: ignored the options no-x11-forwarding, environment'],
  });
});

test.each([
  'command="/bin/true"',
  'from="10.0.0.0/8"',
  'restrict',
  'no-pty,expiry-time="20300101"',
  'cert-authority',
])('a key restricted by %s is refused, naming the line and the option', (option) => {
  const parsed = parse('# first', `${option} ${ED25519}`);
  expect(parsed.kind).toBe('refused');
  const name = option.split(/[=,]/)[0];
  const wayOut =
    name === 'cert-authority' ? 'name its key with --trusted-user-ca' : 'remove the line or the option';
  expect(parsed.kind === 'refused' && parsed.problems).toEqual([
    `keys.txt, line 2: the option ${name} is not supported here; ${wayOut}`,
  ]);
});

test('a word inside a quoted option is not an option', () => {
  expect(parse(`environment="command=x,restrict \\" from=" ${ED25519}`).kind).toBe('parsed');
});

test('key types that cannot log in are skipped with a note', () => {
  const dss = `ssh-dss ${wireString('ssh-dss').toString('base64')} old`;
  expect(parse(dss, ED25519)).toMatchObject({
    kind: 'parsed',
    keys: [{ type: 'ssh-ed25519' }],
    notes: ['keys.txt, line 1: keys of type ssh-dss cannot log in here, skipped'],
  });
});

test('every broken line is named at once', () => {
  const truncated = ED25519.slice(0, -10);
  expect(parse('hello', truncated, '-----BEGIN OPENSSH PRIVATE KEY-----')).toEqual({
    kind: 'refused',
    keyCount: 0,
    problems: [
      'keys.txt, line 1: not a public key',
      'keys.txt, line 2: not a valid ssh-ed25519 key',
      'keys.txt, line 3: not a public key',
    ],
  });
});

test('a file without a key is refused: it would lock everybody out', () => {
  expect(parse('# nobody yet')).toEqual({
    kind: 'refused',
    problems: ['keys.txt: no usable key'],
    keyCount: 0,
  });
});

test('no text makes the parser throw, and what it lets in is a whole key', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constant(ED25519),
    fc.constant(`restrict ${ED25519}`),
    fc.base64String(),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const parsed = parse(...lines);
      if (parsed.kind === 'refused') expect(parsed.problems.length).toBeGreaterThan(0);
      else for (const key of parsed.keys) expect(key.blob.length).toBeGreaterThan(40);
    }),
  );
});
