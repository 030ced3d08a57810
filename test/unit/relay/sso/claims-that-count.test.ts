// The claims that count: those that rules look at, in a size that travels.
import { describe, expect, test } from 'vitest';
import { MAX_IDENTITY_CHARACTERS } from '#shared/protocol/identity.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import type { ClaimPattern } from '../../../../services/relay/policy/claim-pattern.ts';
import type { ClientRule, Policy } from '../../../../services/relay/policy/policy.ts';
import {
  claimsThatCount,
  MAX_CLAIM_CHARACTERS,
  MAX_COUNTED_CLAIMS_BYTES,
} from '../../../../services/relay/sso/claims-that-count.ts';
import { makeSignOnToken } from '../../../../services/relay/sso/sign-on-token.ts';

function policyWith(...matches: (readonly ClaimPattern[])[]): Policy {
  const clients: ClientRule[] = matches.map((match, index) => ({
    name: `rule-${index}`,
    networks: undefined,
    ids: undefined,
    proof: { kind: 'sso', match },
  }));
  const scripts = {
    name: 'scripts',
    networks: undefined,
    ids: undefined,
    proof: { kind: 'network' },
  } as const;
  return {
    audience: 'https://relay.test',
    agents: undefined,
    clients: [scripts, ...clients],
    sso: undefined,
  };
}

const ENGINEERS = policyWith(
  [{ claim: 'groups', values: ['engineers', 'ops'], isGlob: false }],
  [
    { claim: 'groups', values: ['on-call'], isGlob: false },
    { claim: 'hd', values: ['example.com'], isGlob: false },
  ],
);

describe('what counts', () => {
  test('is the name, what rules look at, and of a list what they name', () => {
    const claims = {
      sub: '42',
      email: 'ada@example.com',
      preferred_username: 'ada',
      groups: ['staff', 'ops', 'engineers', 'ops'],
      hd: 'example.com',
      phone_number: '+1',
      roles: ['admin'],
    };
    const { sub, email, preferred_username, hd } = claims;
    expect(claimsThatCount(claims, ENGINEERS)).toEqual({
      sub,
      email,
      preferred_username,
      hd,
      groups: ['ops', 'engineers'],
    });
  });

  test('is no object, no list in a list, nothing of a prototype, and no text of any length', () => {
    const long = 'x'.repeat(MAX_CLAIM_CHARACTERS + 1);
    const policy = policyWith([
      { claim: 'groups', values: ['[object Object]', 'engineers', long], isGlob: false },
      { claim: 'realm', values: ['x'], isGlob: false },
      { claim: 'constructor', values: ['x'], isGlob: false },
      { claim: 'level', values: ['3', 'true'], isGlob: false },
    ]);
    const claims = {
      sub: '42',
      groups: [{}, ['engineers'], null, long],
      realm: { groups: 'x' },
      email: long,
      level: 3,
    };
    expect(claimsThatCount(claims, policy)).toEqual({ sub: '42', groups: [], level: 3 });
    expect(claimsThatCount({ sub: '42', level: true, groups: 'engineers' }, policy)).toEqual({
      sub: '42',
      level: true,
      groups: 'engineers',
    });
  });

  test.each([false, 'false'])(
    'is no address of which the provider says that it is verified: %j',
    (isVerified) => {
      const claims = { sub: '42', email: 'ada@example.com', email_verified: isVerified };
      expect(claimsThatCount(claims, ENGINEERS)).toEqual({ sub: '42' });
      expect(claimsThatCount({ ...claims, email_verified: true }, ENGINEERS)).toMatchObject({
        email: claims.email,
      });
    },
  );

  test('has what is small also behind what is too large', () => {
    const values = Array.from({ length: 200 }, (_, index) => `group-${index}`.padEnd(40, 'x'));
    const policy = policyWith([
      { claim: 'groups', values, isGlob: false },
      { claim: 'department', values: ['ops'], isGlob: false },
    ]);
    const counted = claimsThatCount({ sub: '42', groups: values, department: 'ops' }, policy);
    expect(counted).toEqual({ sub: '42', department: 'ops' });
  });

  test('fits a cookie and the header of a proof, however much there is', () => {
    const names = Array.from({ length: 40 }, (_, index) => `claim-${index}`);
    const policy = policyWith(names.map((claim) => ({ claim, values: ['x'], isGlob: false })));
    const value = '€'.repeat(MAX_CLAIM_CHARACTERS);
    const claims = Object.fromEntries(['sub', 'email', ...names].map((name) => [name, value]));
    const counted = claimsThatCount(claims, policy);
    expect(Object.keys(counted).length).toBeGreaterThan(2);
    expect(Buffer.byteLength(JSON.stringify(counted))).toBeLessThanOrEqual(MAX_COUNTED_CLAIMS_BYTES);
    const issuer = `https://${'x'.repeat(300)}`;
    const seal = new ClusterKey(['x'.repeat(32)]);
    const token = makeSignOnToken(seal, { issuer, claims: counted, expiresAt: Date.now() });
    expect(`converge-sso=${token}`.length).toBeLessThanOrEqual(4_096);
    expect(`sso ${token}`.length).toBeLessThanOrEqual(MAX_IDENTITY_CHARACTERS);
  });
});
