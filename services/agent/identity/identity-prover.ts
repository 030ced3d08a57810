// The identity prover of an agent: what it was told to prove itself by, or what its environment has, when a relay asks.
import { keyMakersFrom } from '#shared/identity/key-makers.ts';
import type { FoundMakers, ProofMaker, Prover } from '#shared/identity/proof-maker.ts';
import { tokenMakerFrom } from '#shared/identity/token-maker.ts';
import type { Environment } from '#shared/machine/environment.ts';
import type { IdentityKind } from '#shared/protocol/identity.ts';
import { signersFromFile } from '#shared/signing/key-file.ts';
import { signersFromSshAgent } from '#shared/signing/ssh-agent.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Bytes, Programs } from '../platform/programs.ts';
import { BUILDKITE, CIRCLECI, commandTokenSource } from './command-token.ts';
import { githubTokenSource, type TokenFetch } from './github-token.ts';
import { gitlabTokenSource, ID_TOKEN_VARIABLE, idTokensFor } from './gitlab-token.ts';
import { idTokenMaker } from './id-token-maker.ts';
import { IDENTITY_SOURCES, type IdentityOptions, type IdentitySource } from './identity-source.ts';

/** A secret whose hash the policy has, for CI systems without identity tokens. */
export const TOKEN_VARIABLE = 'CONVERGE_TOKEN';

export interface IdentityProverOptions {
  /** What starts the programs that print tokens. */
  readonly programs: Programs;
  readonly identity: IdentityOptions;
  readonly env: Environment;
  /** As the programs of the job have it. */
  readonly jobEnv: Readonly<Record<string, Bytes>>;
  readonly cwd: string;
  /** The CI system around the job, as its environment shows it. */
  readonly provider: string | undefined;
  readonly fetch: TokenFetch;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes a line for whoever is there: a FIDO key waits for a touch. */
  readonly tell: (line: string) => void;
}

type CiSource = 'github' | 'gitlab' | 'circleci' | 'buildkite';

/** What each source proves. */
const KIND_OF: Readonly<Record<Exclude<IdentitySource, 'none'>, IdentityKind>> = {
  github: 'oidc',
  gitlab: 'oidc',
  circleci: 'oidc',
  buildkite: 'oidc',
  token: 'token',
  key: 'key',
};

/** Looks at nothing before it is asked. */
export function createIdentityProver(options: IdentityProverOptions): Prover {
  const { identity, programs, env, jobEnv, cwd, provider, fetch, clock, random, tell } = options;
  const command = { programs, env: jobEnv, path: env['PATH'], cwd, clock };
  const ci: Readonly<Record<CiSource, ProofMaker>> = {
    github: idTokenMaker(IDENTITY_SOURCES.github, githubTokenSource({ env, fetch, clock, random }), clock),
    gitlab: idTokenMaker(
      IDENTITY_SOURCES.gitlab,
      gitlabTokenSource(env),
      clock,
      (audience) => `: ${idTokensFor(audience)}`,
    ),
    circleci: idTokenMaker(IDENTITY_SOURCES.circleci, commandTokenSource(CIRCLECI, command), clock),
    buildkite: idTokenMaker(IDENTITY_SOURCES.buildkite, commandTokenSource(BUILDKITE, command), clock),
  };

  async function makersOf(
    source: Exclude<IdentitySource, 'none'>,
    kinds: readonly IdentityKind[],
  ): Promise<FoundMakers> {
    switch (source) {
      case 'github':
      case 'gitlab':
      case 'circleci':
      case 'buildkite':
        return { kind: 'found', makers: [ci[source]] };
      case 'token': {
        const token = env[TOKEN_VARIABLE] ?? '';
        if (token !== '') return tokenMakerFrom(token, IDENTITY_SOURCES.token);
        return {
          kind: 'none',
          message: `${TOKEN_VARIABLE} is not set: whoever runs the relay gives out such tokens`,
        };
      }
      case 'key':
        return keyMakers(kinds);
    }
  }

  async function keyMakers(kinds: readonly IdentityKind[]): Promise<FoundMakers> {
    const { keyFile } = identity;
    const socketPath = env['SSH_AUTH_SOCK'] ?? '';
    if (keyFile === undefined && socketPath === '') {
      return {
        kind: 'none',
        message: 'no --identity-key FILE was given, and there is no ssh-agent (SSH_AUTH_SOCK)',
      };
    }
    const found =
      keyFile === undefined ? await signersFromSshAgent(socketPath, clock) : await signersFromFile(keyFile);
    return keyMakersFrom(found, kinds, clock.wallTime(), (name) => {
      tell(`touch ${name}, which waits for it`);
    });
  }

  /** The CI system whose token there may be; a token that somebody has put into the variable comes first. */
  function ciSource(): CiSource | undefined {
    if ((env[ID_TOKEN_VARIABLE] ?? '') !== '') return 'gitlab';
    return (Object.keys(ci) as CiSource[]).find((name) => name === provider);
  }

  async function lookAround(kinds: readonly IdentityKind[]): Promise<FoundMakers> {
    const makers: ProofMaker[] = [];
    const missing: string[] = [];
    const add = (found: FoundMakers): void => {
      if (found.kind === 'found') makers.push(...found.makers);
      else missing.push(found.message);
    };
    for (const kind of kinds) {
      const source = sourceFor(kind);
      if (source !== undefined) add(await makersOf(source, kinds));
      else if (kind === 'oidc')
        missing.push('an identity token is in jobs of GitHub Actions, GitLab, CircleCI and Buildkite only');
    }
    if (makers.length > 0) return { kind: 'found', makers };
    const message = missing.length > 0 ? missing.join('; ') : noneOf(kinds);
    return { kind: 'none', message };
  }

  function sourceFor(kind: IdentityKind): Exclude<IdentitySource, 'none'> | undefined {
    switch (kind) {
      case 'oidc':
        return ciSource();
      case 'token':
      case 'key':
        return kind;
      case 'certificate':
      case 'sso':
        return undefined;
    }
  }

  return {
    async makersFor(kinds) {
      const { source } = identity;
      if (source === undefined) return lookAround(kinds);
      if (source === 'none') {
        return { kind: 'none', message: 'this agent was told to show nothing (--identity none)' };
      }
      if (kinds.includes(KIND_OF[source])) return makersOf(source, kinds);
      return {
        kind: 'none',
        message: `--identity ${source} is nothing that it takes; it takes ${wordsFor(kinds)}`,
      };
    },
  };
}

function noneOf(kinds: readonly IdentityKind[]): string {
  return `it takes ${wordsFor(kinds)}, and an agent has none`;
}

const KIND_NAMES: Readonly<Record<IdentityKind, string>> = {
  oidc: 'an identity token of a CI system',
  token: `a token in ${TOKEN_VARIABLE}`,
  key: 'an SSH key',
  certificate: 'an SSH certificate',
  sso: 'a sign-on',
};

function wordsFor(kinds: readonly IdentityKind[]): string {
  return kinds.length === 0
    ? 'what this version does not know'
    : kinds.map((kind) => KIND_NAMES[kind]).join(' or ');
}
