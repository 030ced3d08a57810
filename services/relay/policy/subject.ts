// Subjects: who somebody is, in few words, and what a rule looked at, for logs and the audit.
import { printable } from '#shared/text/printable.ts';
import type { Claims, Identity } from '../identity/identity.ts';
import type { ClaimPattern } from './claim-pattern.ts';
import { plainTextOf } from './claim-text.ts';
import { claimsIn, type IdTemplate } from './id-template.ts';

/** Of one claim, in characters. */
const MAX_FACT_LENGTH = 200;

/** What names a job: a project, and one run of it. The first pair of which the token has the project counts. */
const JOB_CLAIMS = [
  { project: ['repository'], run: 'run_id', word: 'run' },
  { project: ['project_path'], run: 'job_id', word: 'job' },
  { project: ['organization_slug', 'pipeline_slug'], run: 'build_number', word: 'build' },
  { project: ['oidc.circleci.com/project-id'], run: 'oidc.circleci.com/job-id', word: 'job' },
] as const;

/** What names a person, best first (OpenID Connect Core section 5.1). */
const PERSON_CLAIMS = ['email', 'preferred_username', 'name', 'sub'] as const;

/** `acme/app, run 4711`; of another issuer, what the rule asked for. */
export function jobSubject(claims: Claims, match: readonly ClaimPattern[]): string {
  for (const { project, run, word } of JOB_CLAIMS) {
    const parts = project.map((claim) => plainTextOf(claims, claim));
    if (parts.includes(undefined)) continue;
    const number = plainTextOf(claims, run);
    return shownFact(`${parts.join('/')}${number === undefined ? '' : `, ${word} ${number}`}`);
  }
  return shownFact(match.map(({ claim }) => plainTextOf(claims, claim) ?? '').join(', '));
}

/** `ada@example.com`. */
export function personSubject(claims: Claims): string {
  const texts = PERSON_CLAIMS.map((claim) => plainTextOf(claims, claim));
  return shownFact(texts.find((text) => text !== undefined) ?? 'somebody without a name');
}

/** What a rule looked at: the claims that it asked for, and those of its IDs. */
export function claimFacts(
  claims: Claims,
  match: readonly ClaimPattern[],
  ids: readonly IdTemplate[],
): Record<string, string> {
  const names = new Set([...match.map(({ claim }) => claim), ...ids.flatMap(claimsIn)]);
  return Object.fromEntries([...names].map((name) => [name, claimShown(claims, name)]));
}

/** The same of a certificate. */
export function certificateFacts({
  certificate,
}: Extract<Identity, { kind: 'certificate' }>): Record<string, string> {
  const { caFingerprint, criticalOptions, fingerprint, keyId, principals, serial } = certificate;
  const sourceAddress = criticalOptions.get('source-address');
  // First, since a pass leaves out the last where there is no room, and this one must be in it.
  const bound = sourceAddress === undefined ? {} : { sourceAddress };
  const facts = { ...bound, keyId, serial: String(serial), key: fingerprint, authority: caFingerprint };
  return Object.fromEntries(
    Object.entries({ ...facts, principals: principals.join(',') }).map(([name, text]) => [
      name,
      shownFact(text),
    ]),
  );
}

/** What a token says in a claim, for a person: a list and an object as JSON. */
export function claimShown(claims: Claims, name: string, maxLength = MAX_FACT_LENGTH): string {
  const text = plainTextOf(claims, name);
  if (text !== undefined) return printable(text, maxLength);
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return value === undefined ? '' : printable(JSON.stringify(value), maxLength);
}

function shownFact(text: string): string {
  return printable(text, MAX_FACT_LENGTH);
}
