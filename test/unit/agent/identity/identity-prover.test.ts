// What an agent finds to prove itself by, and what it says of what is missing.
import { describe, expect, test } from 'vitest';
import type { FoundMakers } from '#shared/identity/proof-maker.ts';
import type { IdentityKind } from '#shared/protocol/identity.ts';
import {
  createIdentityProver,
  type IdentityProverOptions,
} from '../../../../services/agent/identity/identity-prover.ts';
import { ADDON_PROGRAMS } from '../../../../services/agent/platform/posix/addon-programs.ts';
import { idTokenFor } from '../../../support/text/id-token.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const AUDIENCE = 'https://relay.test';
const FACTS = { audience: AUDIENCE, role: 'agent', id: 'job', claimHash: '', challenge: '' } as const;
const TOKEN = idTokenFor(AUDIENCE);

function find(
  kinds: readonly IdentityKind[],
  env: Record<string, string> = {},
  more: Partial<IdentityProverOptions> = {},
): Promise<FoundMakers> {
  const prover = createIdentityProver({
    programs: ADDON_PROGRAMS,
    identity: { source: undefined, keyFile: undefined },
    env,
    jobEnv: env,
    cwd: '/',
    provider: undefined,
    fetch: () => Promise.reject(new Error('nothing is fetched')),
    clock: new ManualClock(),
    random: () => 0,
    tell: () => undefined,
    ...more,
  });
  return prover.makersFor(kinds);
}

/** What each of them makes: the proof's kind, or what is missing. */
async function made(found: FoundMakers): Promise<string[]> {
  if (found.kind === 'none') throw new Error(found.message);
  const proofs = await Promise.all(
    found.makers.map((maker) => maker.make(FACTS, new AbortController().signal)),
  );
  return proofs.map((proof) => (proof.kind === 'made' ? proof.identity.kind : proof.message));
}

const only = (source: IdentityProverOptions['identity']['source']) => ({
  identity: { source, keyFile: undefined },
});

describe('an agent that was told nothing', () => {
  test('takes what its environment has, in the order of the kinds', async () => {
    const env = { CONVERGE_TOKEN: 'secret', CONVERGE_ID_TOKEN: TOKEN };
    expect(await made(await find(['oidc', 'token'], env))).toEqual(['oidc', 'token']);
    expect(await made(await find(['token'], env))).toEqual(['token']);
    expect(await made(await find(['oidc'], env))).toEqual(['oidc']);
  });

  test('says what its job lacks, whatever else there is', async () => {
    const github = { provider: 'github' };
    const lacks =
      'GitHub gives this job no identity token: write `permissions: { contents: read, id-token: write }` into the job (a pull request from a fork gets none)';
    expect(await made(await find(['oidc'], {}, github))).toEqual([lacks]);
    expect(await made(await find(['oidc', 'token'], { CONVERGE_TOKEN: 'x' }, github))).toEqual([
      lacks,
      'token',
    ]);
    const only = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.test/?x=1' };
    expect(await made(await find(['oidc'], only, github))).toEqual([lacks]);
    expect(await made(await find(['oidc'], {}, { provider: 'gitlab' }))).toEqual([
      'this job has no CONVERGE_ID_TOKEN: write `id_tokens: { CONVERGE_ID_TOKEN: { aud: "https://relay.test" } }` into the job in .gitlab-ci.yml',
    ]);
    expect(await made(await find(['oidc'], { PATH: '/nonexistent::' }, { provider: 'circleci' }))).toEqual([
      'CircleCI gives no identity token: the command circleci is not in PATH; a container that runs inside the job needs it too',
    ]);
    expect(await made(await find(['oidc'], {}, { provider: 'buildkite' }))).toEqual([
      'Buildkite gives no identity token: the command buildkite-agent is not in PATH; a container that runs inside the job needs it too',
    ]);
  });

  test('shows no token of GitLab that is for somebody else', async () => {
    const env = { CONVERGE_ID_TOKEN: idTokenFor('https://vault.test') };
    expect(await made(await find(['oidc'], env, { provider: 'gitlab' }))).toEqual([
      'the identity token in CONVERGE_ID_TOKEN is for https://vault.test (its aud), and not for https://relay.test: ' +
        'write `id_tokens: { CONVERGE_ID_TOKEN: { aud: "https://relay.test" } }` into the job in .gitlab-ci.yml',
    ]);
  });

  test('says all that it could have, where it has nothing', async () => {
    expect(await find(['oidc', 'token', 'key'])).toEqual({
      kind: 'none',
      message:
        'an identity token is in jobs of GitHub Actions, GitLab, CircleCI and Buildkite only; ' +
        'CONVERGE_TOKEN is not set: whoever runs the relay gives out such tokens; ' +
        'no --identity-key FILE was given, and there is no ssh-agent (SSH_AUTH_SOCK)',
    });
    expect(await find(['oidc'], {}, { provider: 'jenkins' })).toMatchObject({ kind: 'none' });
    expect(await find(['sso', 'certificate'])).toEqual({
      kind: 'none',
      message: 'it takes a sign-on or an SSH certificate, and an agent has none',
    });
    expect(await find([])).toMatchObject({
      message: 'it takes what this version does not know, and an agent has none',
    });
    expect(await find(['token'], { CONVERGE_TOKEN: 'a b' })).toEqual({
      kind: 'none',
      message: 'the token in CONVERGE_TOKEN has characters that no token has: spaces, line ends or others',
    });
    expect(await find(['key'], { SSH_AUTH_SOCK: '/nonexistent' })).toMatchObject({ kind: 'none' });
  });
});

describe('an agent that was told its identity', () => {
  test('shows that one and no other', async () => {
    const env = { CONVERGE_TOKEN: 'secret', CONVERGE_ID_TOKEN: TOKEN };
    expect(await made(await find(['oidc', 'token'], env, only('token')))).toEqual(['token']);
    expect(await made(await find(['oidc', 'token'], env, only('gitlab')))).toEqual(['oidc']);
    expect(await made(await find(['oidc', 'token'], env, only('github')))).toEqual([
      expect.stringContaining('id-token: write'),
    ]);
    expect(await find(['token'], env, only('github'))).toEqual({
      kind: 'none',
      message: '--identity github is nothing that it takes; it takes a token in CONVERGE_TOKEN',
    });
    expect(await find(['token'], {}, only('token'))).toMatchObject({ kind: 'none' });
  });

  test('shows nothing at all if that is what it was told', async () => {
    const env = { CONVERGE_TOKEN: 'secret', CONVERGE_ID_TOKEN: TOKEN };
    expect(await find(['oidc', 'token'], env, only('none'))).toEqual({
      kind: 'none',
      message: 'this agent was told to show nothing (--identity none)',
    });
  });
});
