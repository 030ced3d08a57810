// ID templates: which are refused, and that what a claim becomes in an ID can be read back.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isValidId } from '#shared/protocol/paths.ts';
import { writeClaim } from '../../../../services/relay/policy/claim-text.ts';
import {
  claimsIn,
  MAX_TEMPLATE_LENGTH,
  matchTemplate,
  readTemplate,
} from '../../../../services/relay/policy/id-template.ts';

function template(text: string) {
  const read = readTemplate(text);
  if (read.kind === 'invalid') throw new Error(read.fault);
  return read.template;
}

describe('a template', () => {
  test.each([
    ['', /every ID/],
    ['*', /every ID/],
    ['a*b', /at the end only/],
    ['a**', /at the end only/],
    ['a b', /can be no ID/],
    ['ä.*', /can be no ID/],
    ['.a', /can be no ID/],
    ['-a', /can be no ID/],
    ['a/b', /can be no ID/],
    ['{}.a', /NAME/],
    ['{a b}.c', /NAME/],
    ['{a', /too many/],
    ['a}', /too many/],
    ['{{a}}', /too many/],
    ['{a}{b}', /without a dot/],
    ['{a}-{b}', /without a dot/],
    ['{a}*', /put a dot between/],
    ['x.{a}y*', /put a dot between/],
    ['a'.repeat(129), /can be no ID/],
    ['a'.repeat(MAX_TEMPLATE_LENGTH + 1), /more than 512/],
  ])('%j is refused', (text, fault) => {
    const read = readTemplate(text);
    expect(read).toMatchObject({ kind: 'invalid' });
    expect(read.kind === 'invalid' ? read.fault : '').toMatch(fault);
  });

  test.each([
    ['build', []],
    ['job-*', []],
    ['gh.{repository}.{run_id}.*', ['repository', 'run_id']],
    ['ci-{oidc.circleci.com/project-id}-x.y', ['oidc.circleci.com/project-id']],
    ['{repository}', ['repository']],
  ])('%s has the claims %j', (text, claims) => {
    expect(claimsIn(template(text))).toEqual(claims);
  });
});

describe('an ID', () => {
  const claims = { repository: 'acme/my_app.js', run_id: 4711, bad: 'a b', list: ['x'] };

  test.each([
    ['gh.{repository}.{run_id}.*', 'gh.acme__my_uapp_djs.4711.test-1'],
    ['gh.{repository}.{run_id}.*', 'gh.acme__my_uapp_djs.4711.a.b'],
    ['{repository}', 'acme__my_uapp_djs'],
    ['x-{run_id}-y', 'x-4711-y'],
    ['job-*', 'job-7'],
  ])('of %s: %s', (text, id) => {
    expect(matchTemplate(template(text), claims, id)).toEqual({ kind: 'matches' });
  });

  test.each([
    ['gh.{repository}.{run_id}.*', 'gh.acme__other.4711.x', 'gh.acme__my_uapp_djs.4711.*'],
    ['gh.{repository}.{run_id}.*', 'gh.acme__my_uapp_djs.4711.', 'gh.acme__my_uapp_djs.4711.*'],
    ['gh.{repository}.*', 'gh.acme/my_app.js.x', 'gh.acme__my_uapp_djs.*'],
    ['job-*', 'job-', 'job-*'],
    ['job', 'jobs', 'job'],
  ])('not of %s: %s', (text, id, wanted) => {
    expect(matchTemplate(template(text), claims, id)).toEqual({ kind: 'differs', wanted });
  });

  test.each(['bad', 'list', 'missing', 'toString'])('cannot have the claim %s', (claim) => {
    expect(matchTemplate(template(`a.{${claim}}`), claims, 'a.x')).toEqual({ kind: 'claim_unfit', claim });
  });
});

test('two texts are never written alike, and what is written is part of an ID without a dot', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'u', 'd', '-', '_', '/', '.'),
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const written = writeClaim(one) ?? '';
      expect(isValidId(`x${written}`) && !written.includes('.')).toBe(true);
      expect(written === writeClaim(other)).toBe(one === other);
    }),
    { numRuns: 5_000 },
  );
});

test.each(['', 'a b', 'ä', 'a:b', 'a@b', 'a*', 'a\n', '\u0000'])('%j can be in no ID', (text) => {
  expect(writeClaim(text)).toBeUndefined();
});
