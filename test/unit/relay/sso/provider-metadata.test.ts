// The name of a provider: what it calls itself is what the policy calls it.
import { expect, test } from 'vitest';
import { isHttpIssuer, isNamedAs } from '../../../../services/relay/sso/provider-metadata.ts';

const ENTRA = 'https://login.microsoftonline.com';

test.each([
  ['https://login.test', 'https://login.test', true],
  ['https://login.test', 'https://login.test/', true],
  ['https://login.test/realms/one', 'https://login.test/realms/two', false],
  ['https://login.test', 'http://login.test', false],
  [`${ENTRA}/4711/v2.0`, `${ENTRA}/4711/v2.0`, true],
  [`${ENTRA}/common/v2.0`, `${ENTRA}/{tenantid}/v2.0`, false],
  [`${ENTRA}/organizations/v2.0`, `${ENTRA}/{tenantid}/v2.0`, false],
])('%s that calls itself %s: %s', (issuer, name, isNamed) => {
  expect(isNamedAs(issuer, { issuer: name })).toBe(isNamed);
});

test.each([
  ['http://127.0.0.1:8080', true],
  ['http://localhost', true],
  ['https://127.0.0.1', false],
  ['http://login.test', false],
  ['nonsense', false],
])('of %s other addresses may be http: %s', (issuer, isHttp) => {
  expect(isHttpIssuer(issuer)).toBe(isHttp);
});
