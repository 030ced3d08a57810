// Passes: what they say comes back whole for their holder, fits into a header, and is nothing in any other hand.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPass } from '#shared/protocol/identity.ts';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { type PassFacts, type PassHolder, passesOf } from '../../../../services/relay/hop/pass.ts';

const OLD = 'a secret of at least thirty-two letters';
const NEW = 'another secret of thirty-two letters!!!';
const passes = passesOf(new ClusterKey([OLD]));
const HOLDER: PassHolder = { role: 'agent', id: 'job', claimHash: 'hash' };
const FACTS: PassFacts = {
  admittance: { rule: 'acme', kind: 'oidc', subject: 'acme/app, run 7', facts: { repository: 'acme/app' } },
  since: 1_795_000_000_000,
  digest: 'd'.repeat(22),
};

test('a pass says to every pod of the cluster what it was made of, also after a rotation of the secret', () => {
  const text = passes.make(HOLDER, FACTS);
  expect(passesOf(new ClusterKey([NEW, OLD])).read(HOLDER, text)).toEqual(FACTS);
  expect(passesOf(new ClusterKey([NEW])).read(HOLDER, text)).toBeUndefined();
});

test.each([
  { ...HOLDER, role: 'client' as const },
  { ...HOLDER, id: 'other' },
  { ...HOLDER, claimHash: '' },
  { role: 'agent' as const, id: 'jobhash', claimHash: '' },
])('it is nothing for %j', (holder) => {
  expect(passes.read(holder, passes.make(HOLDER, FACTS))).toBeUndefined();
});

test('whatever a token said, a pass is a header value, and its rule, kind and time come back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 400 });
  const facts = fc.dictionary(text, text, { maxKeys: 12 });
  fc.assert(
    fc.property(text, facts, fc.nat(), (subject, claims, since) => {
      const rule = 'r'.repeat(64);
      const made = passes.make(HOLDER, {
        admittance: { rule, kind: 'certificate', subject, facts: claims },
        since: since + 1_795_000_000_000,
        digest: FACTS.digest,
      });
      expect(isPass(made)).toBe(true);
      const read = passes.read(HOLDER, made);
      expect(read?.since).toBe(since + 1_795_000_000_000);
      expect(read?.digest).toBe(FACTS.digest);
      expect(read?.admittance).toMatchObject({ rule, kind: 'certificate' });
    }),
  );
});

test('a text that is no pass is read without an error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(passes.read(HOLDER, text)).toBeUndefined();
    }),
  );
});
