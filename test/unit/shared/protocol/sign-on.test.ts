// Single sign-on on the wire: what is formatted is read back, anything else is no answer, and nothing that is read can drive a terminal.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type DeviceSignOn,
  formatDeviceSignOn,
  formatSignOnProgress,
  MAX_SIGN_ON_SECRET_CHARACTERS,
  MAX_SIGN_ON_TOKEN_CHARACTERS,
  MAX_USER_CODE_CHARACTERS,
  MAX_VERIFICATION_URI_CHARACTERS,
  parseDeviceSignOn,
  parseRefreshQuestion,
  parseSignOnProgress,
  parseTokenQuestion,
  signOnUrl,
} from '#shared/protocol/sign-on.ts';
import { MAX_IDENTITY_CHARACTERS } from '../../../../services/shared/protocol/identity.ts';
import { formatIdentity } from '../../../../services/shared/protocol/presented-identity.ts';

const DEVICE: DeviceSignOn = {
  verificationUri: 'https://login.example/device',
  verificationUriComplete: 'https://login.example/device?user_code=WDJB-MJHT',
  userCode: 'WDJB-MJHT',
  handle: 'h',
  intervalSeconds: 5,
  expiresSeconds: 600,
};
const SIGNED_ON = { token: 't', refresh: 'r', expiresAt: 1_764_000_000_000 };

function device(changes: Readonly<Record<string, unknown>>): DeviceSignOn | undefined {
  return parseDeviceSignOn(JSON.stringify({ ...DEVICE, ...changes }));
}

test('what is formatted is read back', () => {
  expect(parseDeviceSignOn(formatDeviceSignOn(DEVICE))).toEqual(DEVICE);
  for (const progress of [
    { kind: 'pending', slowDown: false },
    { kind: 'pending', slowDown: true },
    { kind: 'signed_on', signedOn: SIGNED_ON },
    { kind: 'signed_on', signedOn: { ...SIGNED_ON, refresh: '' } },
  ] as const)
    expect(parseSignOnProgress(formatSignOnProgress(progress))).toEqual(progress);
  expect(parseTokenQuestion('{"handle":"h"}')).toEqual({ handle: 'h' });
  expect(parseRefreshQuestion('{"refresh":"r"}')).toEqual({ refresh: 'r' });
});

test('any text is read without an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
      for (const parse of [parseDeviceSignOn, parseSignOnProgress, parseTokenQuestion, parseRefreshQuestion])
        parse(text);
    }),
  );
});

describe('the beginning of a sign-on', () => {
  test.each([
    ['\u001b[2J'],
    ['WDJB\nMJHT'],
    ['WDJB\u202eMJHT'],
    ['WDJB\u00a0MJHT'],
    [' WDJB'],
    ['WDJB '],
    ['W\u0414JB'],
    [''],
    ['x'.repeat(MAX_USER_CODE_CHARACTERS + 1)],
    [12_345_678],
    [undefined],
  ])('with the code %j is none', (userCode) => {
    expect(device({ userCode })).toBeUndefined();
  });

  test.each([['x'.repeat(MAX_USER_CODE_CHARACTERS)], ['123 456'], ['WDJB-MJHT']])(
    'has the code %j',
    (userCode) => {
      expect(device({ userCode })).toMatchObject({ userCode });
    },
  );

  const pages = [
    'javascript:alert(1)',
    'file:///etc/passwd',
    'http://login.example/device',
    'https://login.example/\u001b[2J',
    'https://login.example/ x',
    'https://login.example/\u202e',
    'https://\u0430pple.example/',
    'https://bank.example@evil.example/',
    'https://:x@evil.example/',
    'https://',
    'login.example/device',
    `https://login.example/${'x'.repeat(MAX_VERIFICATION_URI_CHARACTERS)}`,
    '',
    7,
    null,
  ];

  test.each(pages.map((page) => [page]))('with the page %j is none', (verificationUri) => {
    expect(device({ verificationUri })).toBeUndefined();
  });

  test.each(pages.map((page) => [page]))('is read without a page that has the code in it: %j', (page) => {
    const { verificationUriComplete: _, ...rest } = DEVICE;
    expect(device({ verificationUriComplete: page })).toEqual(rest);
  });

  test.each([
    'https://login.example:8443/a?b=c',
    'http://localhost:3000/device',
    'http://127.0.0.1/',
    'http://[::1]/',
  ])('has the page %s', (verificationUri) => {
    expect(device({ verificationUri })).toMatchObject({ verificationUri });
  });

  test.each([0, -1, 1.5, 1e9, '5', null, undefined])('in times like %j is none', (seconds) => {
    expect(device({ intervalSeconds: seconds })).toBeUndefined();
    expect(device({ expiresSeconds: seconds })).toBeUndefined();
  });

  test.each(['', 'a b', 'a\n', 'x'.repeat(MAX_SIGN_ON_SECRET_CHARACTERS + 1), 1, undefined])(
    'with a handle like %j is none',
    (handle) => {
      expect(device({ handle })).toBeUndefined();
      expect(parseTokenQuestion(JSON.stringify({ handle }))).toBeUndefined();
      expect(parseRefreshQuestion(JSON.stringify({ refresh: handle }))).toBeUndefined();
    },
  );
});

test('a token fits the header of an identity, and a longer one is none', () => {
  const token = 'x'.repeat(MAX_SIGN_ON_TOKEN_CHARACTERS);
  expect(formatIdentity({ kind: 'sso', token })).toHaveLength(MAX_IDENTITY_CHARACTERS);
  expect(parseSignOnProgress(JSON.stringify({ ...SIGNED_ON, token }))).toMatchObject({ kind: 'signed_on' });
  for (const wrong of [`${token}x`, '', 'a b', 'a\r\nx: y', 7])
    expect(parseSignOnProgress(JSON.stringify({ ...SIGNED_ON, token: wrong }))).toBeUndefined();
});

test.each(['{}', '{"pending":1}', '{"pending":"true"}', '[]', 'null', '', '{"token":"t","refresh":"r"}'])(
  '%s is no progress',
  (body) => {
    expect(parseSignOnProgress(body)).toBeUndefined();
  },
);

test.each([
  ['wss://relay.example/client/x', 'https://relay.example/sign-on/device'],
  ['ws://127.0.0.1:8080/client/x?wait=5#y', 'http://127.0.0.1:8080/sign-on/device'],
  ['wss://relay.example/a/b/client/x', 'https://relay.example/a/b/sign-on/device'],
])('%s is asked at %s', (clientUrl, expected) => {
  expect(signOnUrl(new URL(clientUrl), 'device').href).toBe(expected);
});
