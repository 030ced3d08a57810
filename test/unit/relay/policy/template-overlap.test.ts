// Names between projects: no policy that is taken lets one project have an ID that another may ask for.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isValidId } from '#shared/protocol/paths.ts';
import { policyJudge } from '../../../../services/relay/gate/policy-judge.ts';
import { plainTextOf, writeClaim } from '../../../../services/relay/policy/claim-text.ts';
import type { Policy } from '../../../../services/relay/policy/policy.ts';
import { readTestPolicy, TEST_NOW } from '../../../support/relay/policy-text.ts';

const GITHUB = 'https://token.actions.githubusercontent.com';

/** Few values, so that those of one claim are often those of another: whoever attacks would choose them so. */
const VALUES = ['gh', 'a', 'a_', '1', 'a.b'] as const;
const OWNERS = ['a', '1'] as const;
const CLAIMS = ['repository', 'repository_owner', 'repository_id', 'run_id', 'ref', 'workflow'] as const;

const segment = fc.oneof(
  fc.constantFrom('gh', 'a', '1', 'a__b'),
  fc.constantFrom(...CLAIMS).map((claim) => `{${claim}}`),
  fc
    .tuple(fc.constantFrom('a', 'x'), fc.constantFrom(...CLAIMS))
    .map(([text, claim]) => `${text}-{${claim}}`),
  fc
    .tuple(fc.constantFrom(...CLAIMS), fc.constantFrom('_u', '1'))
    .map(([claim, text]) => `{${claim}}${text}`),
);
const template = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '.*', '*'))
  .map(([segments, end]) => `${segments.join('.')}${end}`);

/** A project: its names and numbers are its own, all else is whatever it likes. */
const projects = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.constantFrom(...OWNERS), fc.constantFrom(...VALUES)), {
      minLength: 2,
      maxLength: 2,
      selector: (pair) => pair.join('/'),
    }),
    fc.uniqueArray(fc.constantFrom('1', '2', '11', '21', '211'), { minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(...VALUES, 'a/a', 'a/1', '1/a'), { minLength: 4, maxLength: 4 }),
  )
  .map(([[one = ['', ''], other = ['', '']], [id = '', otherId = '', run = '', otherRun = ''], free]) => [
    claimsOf(one, id, run, [free[0] ?? '', free[1] ?? '']),
    claimsOf(other, otherId, otherRun, [free[2] ?? '', free[3] ?? '']),
  ]);

function claimsOf(
  [owner = '', name = '']: readonly string[],
  id: string,
  run: string,
  free: [string, string],
) {
  const [ref, workflow] = free;
  const repository = `${owner}/${name}`;
  return { repository, repository_owner: owner, repository_id: id, run_id: run, ref, workflow };
}

const NOBODY = claimsOf([], '', '', ['', '']);

const rule = fc.record({
  match: fc.oneof(
    fc.constantFrom(...OWNERS).map((owner) => `repository_owner: '${owner}'`),
    fc.constant(`repository_owner: [${OWNERS.map((owner) => `'${owner}'`).join(', ')}]`),
    fc
      .tuple(fc.constantFrom(...OWNERS), fc.constantFrom(...VALUES))
      .map(([owner, name]) => `repository: '${owner}/${name}'`),
  ),
  ids: fc.array(template, { minLength: 1, maxLength: 2 }),
});

function policyText(rules: readonly { readonly match: string; readonly ids: readonly string[] }[]): string {
  const lines = rules.map(({ match, ids }, index) => {
    const list = ids.map((id) => `'${id}'`).join(', ');
    return `  - { name: r${index}, issuer: github, match: { ${match} }, ids: [${list}] }`;
  });
  return ['agents:', ...lines].join('\n');
}

function mayHave(policy: Policy, claims: typeof NOBODY, id: string): boolean {
  const asking = { role: 'agent', id, claimHash: 'c', address: '192.0.2.1' } as const;
  const identity = { kind: 'oidc', issuer: GITHUB, claims } as const;
  return policyJudge.agent(policy, identity, asking, TEST_NOW).kind === 'admitted';
}

/** IDs that somebody with those claims would try. */
function idsFor(text: string, claims: typeof NOBODY): string[] {
  const filled = text.replaceAll(/\{(\w+)\}/g, (_, claim: string) => {
    return writeClaim(plainTextOf(claims, claim) ?? '') ?? '';
  });
  const ends = ['x', 'a', '1', 'a.b', 'a__b', '1.x', 'a-1'];
  return (filled.endsWith('*') ? ends.map((end) => filled.slice(0, -1) + end) : [filled]).filter(isValidId);
}

test('no project may have an ID of another, in any policy that is taken', () => {
  let taken = 0;
  let asked = 0;
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 3 }),
      fc.array(projects, { minLength: 20, maxLength: 20 }),
      (rules, pairs) => {
        const reading = readTestPolicy(policyText(rules));
        // Without a claim an ID is everybody's who matches: that is written there for all to see.
        const texts = rules.flatMap(({ ids }) => ids).filter((text) => text.includes('{'));
        if (reading.kind !== 'read' || texts.length === 0) return;
        taken += 1;
        for (const [one = NOBODY, other = NOBODY] of pairs) {
          const ids = texts
            .flatMap((text) => idsFor(text, one))
            .filter((id) => mayHave(reading.policy, one, id));
          asked += ids.length;
          for (const id of ids)
            expect(mayHave(reading.policy, other, id), `${id} of ${other.repository}`).toBe(false);
        }
      },
    ),
    { numRuns: 800 },
  );
  // Or else the test would say nothing.
  expect(taken).toBeGreaterThan(50);
  expect(asked).toBeGreaterThan(200);
});

describe('of two IDs', () => {
  const faultsOf = (...rules: [match: string, ...ids: string[]][]): number => {
    const reading = readTestPolicy(policyText(rules.map(([match, ...ids]) => ({ match, ids }))));
    return reading.kind === 'read' ? 0 : reading.faults.length;
  };
  const ACME = 'repository_owner: acme';
  const OTHER = 'repository_owner: other';

  test('those that name the project alike are taken, and those that cannot be equal', () => {
    expect(faultsOf([ACME, 'gh.{repository}.*'], [OTHER, 'gh.{repository}.{run_id}'])).toBe(0);
    expect(faultsOf([ACME, 'gh.{repository}.*', 'id.{repository_id}'], [OTHER, 'run.{run_id}.*'])).toBe(0);
    expect(faultsOf([ACME, 'gh.{repository}'], [OTHER, 'gh.{run_id}.x'])).toBe(0);
    expect(faultsOf([ACME, 'a-{repository}'], [OTHER, 'b-{run_id}'])).toBe(0);
  });

  test('those that one could be the other are not', () => {
    expect(faultsOf([ACME, 'gh.{repository}.*'], [OTHER, 'gh.{repository_id}.*'])).toBe(1);
    expect(faultsOf([ACME, 'gh.{repository}.*'], [OTHER, 'gh.*'])).toBe(1);
    expect(faultsOf([ACME, 'gh.{repository}'], [OTHER, 'gh.{repository}_u'])).toBe(1);
    expect(faultsOf([ACME, '{ref}.{repository}.*'], [OTHER, '{repository}.*'])).toBe(1);
    expect(faultsOf([ACME, 'gh.{repository}.*', 'gh.x'])).toBe(0);
    expect(faultsOf([ACME, 'gh.{repository}.*', 'gh.x.y'])).toBe(1);
  });

  test('what a project is free to choose names no project, but beside its name or where the rule has one project', () => {
    expect(faultsOf([ACME, 'gh.{ref}.*'])).toBe(1);
    expect(faultsOf([ACME, 'gh.{repository_owner}.{workflow}'])).toBe(1);
    expect(faultsOf([ACME, 'gh.{ref}.{repository}.*'])).toBe(0);
    expect(faultsOf(['repository: acme/app', 'app.{ref}.*'])).toBe(0);
    expect(faultsOf(['repository: [acme/app, acme/lib]', 'app.{ref}.*'])).toBe(1);
    expect(faultsOf(['repository: acme/app', 'x.{ref}.*'], ['repository: acme/lib', 'x.{ref}.*'])).toBe(1);
  });
});
