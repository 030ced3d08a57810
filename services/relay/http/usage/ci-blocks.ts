// CI blocks: a step for each CI system that opens a shell when the job failed, and only then.
import type { IdentityKind } from '#shared/protocol/identity.ts';
import { downloadPath } from '#shared/protocol/paths.ts';
import { agentDigest, type Offer } from '../download/binary.ts';
import { type KnownPlatform, WINDOWS_PLATFORM } from '../download/platform.ts';
import { command, type IdGap, type Snippet } from './command-text.ts';
import { agentUrl, fetchPinned, MADE_BY_AGENT, pinRefusal } from './commands.ts';
import type { EntryTerms } from './entry-terms.ts';
import type { OwnAddress } from './own-address.ts';

/** How long a shell may hold a CI machine. The systems' own limits are ten minutes longer, so that the agent ends first. */
const MAX_LIFETIME = '--max-lifetime 2h';
export const STEP_TIMEOUT_MINUTES = 130;

/** What GitHub's runners with macOS are. */
const MAC_RUNNER = 'darwin-arm64' satisfies KnownPlatform;

/** A block and what its reader should know; `where` says in which file, at which place. */
export interface CiBlock extends Snippet {
  readonly where: string;
  readonly note: string;
  /** What the job needs beside it, for the proof that the relay asks for. */
  readonly before?: Snippet & { readonly where: string };
}

/** `fetch` is how they get the agent on Linux, one command or more per line. */
interface BlockParts {
  readonly relay: OwnAddress;
  readonly fetch: string;
  /** What the relay asks agents for. */
  readonly asked: readonly IdentityKind[];
  /** Where it asks, the ID is one that the policies of deploy/README.md give to this very job; else the agent makes one. */
  readonly idFrom: (ruled: string) => IdGap;
  readonly offer: Offer;
}

/** They pin the agent where there is one. For other systems than Linux there are blocks only if there is an agent for these. */
export function ciBlocks(relay: OwnAddress, offer: Offer, { agents }: EntryTerms): CiBlock[] {
  const parts = {
    relay,
    offer,
    fetch: fetchPinned(relay, 'agent', {
      download: 'agent',
      sha256: agentDigest(offer, offer.defaultPlatform),
    }),
    asked: agents ?? [],
    idFrom: idRule({ agents }),
  };
  return [github, githubOnMac, githubOnWindows, gitlab, jenkins, circleci, buildkite].flatMap(
    (block) => block(parts) ?? [],
  );
}

/** What becomes of an ID that a policy may ask for. */
export function idRule({ agents }: Pick<EntryTerms, 'agents'>): BlockParts['idFrom'] {
  return (ruled) => (agents === undefined ? MADE_BY_AGENT : { fallback: ruled });
}

/** A job with `permissions` has no others, and `actions/checkout` needs the first. */
const GITHUB_PERMISSIONS = {
  name: 'github-permissions',
  title: 'For the job on GitHub Actions',
  where:
    'In the job itself, beside `steps`: this relay asks for the identity token, which a job gets only if it says so.',
  text: command`
permissions:
  contents: read
  id-token: write`,
};

/** For a CI system that has no identity tokens. */
const JENKINS_TOKEN = {
  name: 'jenkins-token',
  title: 'For the pipeline on Jenkins',
  where:
    'In the same `pipeline` or `stage`: this relay asks for a token, which whoever runs it can make. It is kept as a credential of the kind “Secret text”.',
  text: command`
environment {
  CONVERGE_TOKEN = credentials('converge-token')
}`,
};

const GITHUB_NOTE = 'Whoever started the run gets in, with the SSH keys of their GitHub account.';

/** One run has many jobs, one job many matrix legs, and each may be run again. `prefix` is what variables begin with. */
export function githubId(prefix: string): string {
  const leg = `${prefix}GITHUB_RUN_ATTEMPT-${prefix}GITHUB_JOB-\${{ strategy.job-index }}`;
  return `gh.${prefix}GITHUB_REPOSITORY_ID.${prefix}GITHUB_RUN_ID.${leg}`;
}

export const GITLAB_ID = 'gl.$CI_PROJECT_ID.$CI_JOB_ID';
/** BUILD_TAG is unique, but may hold blanks and percent signs, from the names of folders and branches. */
export const JENKINS_ID = 'jenkins.$(printf %s "$BUILD_TAG" | tr -c A-Za-z0-9._- -)';
export const CIRCLECI_ID = 'cc.$CIRCLE_PROJECT_ID.$CIRCLE_WORKFLOW_JOB_ID-$CIRCLE_NODE_INDEX';
export const BUILDKITE_ID = 'bk.$BUILDKITE_PIPELINE_ID.$BUILDKITE_JOB_ID';

function github(parts: BlockParts): CiBlock {
  const block = githubWith(parts, parts.fetch);
  return {
    ...block,
    name: 'github',
    title: 'GitHub Actions',
    where: 'The last of the job’s `steps`, on Linux.',
    ...(parts.asked.includes('oidc') ? { before: GITHUB_PERMISSIONS } : {}),
  };
}

function githubOnMac(parts: BlockParts): CiBlock | undefined {
  const sha256 = agentDigest(parts.offer, MAC_RUNNER);
  if (sha256 === undefined) return undefined;
  const download = `agent-${MAC_RUNNER}`;
  const fetch = fetchPinned(parts.relay, 'agent', { download, sha256, checker: 'shasum -a 256' });
  return {
    ...githubWith(parts, fetch),
    name: 'github-macos',
    title: 'GitHub Actions, on macOS',
    where: whereBesidePermissions(
      parts,
      'The last of the job’s `steps`, on a runner with Apple’s processor.',
    ),
  };
}

/** PowerShell, which is what runs a step there. */
function githubOnWindows(parts: BlockParts): CiBlock | undefined {
  const { relay, offer } = parts;
  const sha256 = agentDigest(offer, WINDOWS_PLATFORM);
  if (sha256 === undefined) return undefined;
  return {
    name: 'github-windows',
    title: 'GitHub Actions, on Windows',
    where: whereBesidePermissions(parts, 'The last of the job’s `steps`.'),
    note: `${GITHUB_NOTE} It was not run by us.`,
    text: command`
- name: Open a shell if the job failed
  if: failure()
  timeout-minutes: ${String(STEP_TIMEOUT_MINUTES)}
  shell: pwsh
  run: |
    Invoke-WebRequest ${relay.http}${downloadPath('agent.exe')} -OutFile agent.exe
    if ((Get-FileHash agent.exe).Hash -ne "${sha256}") {
      throw "${pinRefusal(relay, 'agent')}"
    }
    ./agent.exe ${MAX_LIFETIME} \`
      --authorized-keys "$env:GITHUB_SERVER_URL/$env:GITHUB_TRIGGERING_ACTOR.keys" \`
      "${agentUrl(relay, parts.idFrom(githubId('$env:')))}"`,
  };
}

/** `permissions` are in the block before, and an HTML id is there once. */
function whereBesidePermissions({ asked }: BlockParts, where: string): string {
  return asked.includes('oidc')
    ? `${where} The job needs the \`permissions\` of the block before, too.`
    : where;
}

function githubWith(parts: BlockParts, fetch: string): Pick<CiBlock, 'note' | 'text'> {
  return {
    note: GITHUB_NOTE,
    text: command`
- name: Open a shell if the job failed
  if: failure()
  timeout-minutes: ${String(STEP_TIMEOUT_MINUTES)}
  run: |
${indent(fetch, 4)}
    ./agent ${MAX_LIFETIME} \\
      --authorized-keys "$GITHUB_SERVER_URL/$GITHUB_TRIGGERING_ACTOR.keys" \\
      "${agentUrl(parts.relay, parts.idFrom(githubId('$')))}"`,
  };
}

function gitlab({ relay, fetch, asked, idFrom }: BlockParts): CiBlock {
  const idTokens = command`
id_tokens:
  CONVERGE_ID_TOKEN:
    aud: ${new URL(relay.http).origin}
`;
  return {
    name: 'gitlab',
    title: 'GitLab CI',
    where: 'In the job. `timeout` is what the script needs, plus the 130 minutes of the shell.',
    note: 'Whoever started the pipeline gets in, with the SSH keys of their GitLab account. The longer `after_script` needs GitLab Runner 16.4.',
    text: command`
${asked.includes('oidc') ? idTokens : ''}timeout: 3h
variables:
  RUNNER_AFTER_SCRIPT_TIMEOUT: ${String(STEP_TIMEOUT_MINUTES)}m
after_script:
  - |
    if [ "$CI_JOB_STATUS" = failed ]; then
${indent(fetch, 6)}
      ./agent ${MAX_LIFETIME} \\
        --authorized-keys "$CI_SERVER_URL/$GITLAB_USER_LOGIN.keys" \\
        "${agentUrl(relay, idFrom(GITLAB_ID))}"
    fi`,
  };
}

function jenkins({ relay, fetch, asked, idFrom }: BlockParts): CiBlock {
  const id = idFrom(JENKINS_ID);
  return {
    name: 'jenkins',
    title: 'Jenkins',
    where: 'In a declarative `pipeline` or `stage`.',
    note: 'The password is in the build log, for all who may read that. Add `--authorized-keys` to let in some of them only.',
    ...(asked.includes('token') ? { before: JENKINS_TOKEN } : {}),
    text: command`
post {
  failure {
    timeout(time: ${String(STEP_TIMEOUT_MINUTES)}, unit: 'MINUTES') {
      sh '''
${indent(fetch, 8)}
        ./agent ${MAX_LIFETIME} "${agentUrl(relay, id)}"
      '''
    }
  }
}`,
  };
}

function circleci({ relay, fetch, idFrom }: BlockParts): CiBlock {
  const id = idFrom(CIRCLECI_ID);
  return {
    name: 'circleci',
    title: 'CircleCI',
    where: 'The last of the job’s `steps`.',
    note: 'Whoever started the pipeline gets in, with the SSH keys of their GitHub account.',
    text: command`
- run:
    name: Open a shell if the job failed
    when: on_fail
    no_output_timeout: ${String(STEP_TIMEOUT_MINUTES)}m
    command: |
${indent(fetch, 6)}
      ./agent ${MAX_LIFETIME} \\
        --authorized-keys "https://github.com/$CIRCLE_USERNAME.keys" \\
        "${agentUrl(relay, id)}"`,
  };
}

function buildkite({ relay, fetch, idFrom }: BlockParts): CiBlock {
  const id = idFrom(BUILDKITE_ID);
  return {
    name: 'buildkite',
    title: 'Buildkite',
    where: 'In the repository, as the executable file `.buildkite/hooks/pre-exit`.',
    note: 'The password is in the job log, for all who may read that. Add `--authorized-keys` to let in some of them only.',
    text: command`
#!/bin/sh
if [ "\${BUILDKITE_COMMAND_EXIT_STATUS:-0}" -ne 0 ]; then
${indent(fetch, 2)}
  ./agent ${MAX_LIFETIME} "${agentUrl(relay, id)}" || true
fi`,
  };
}

function indent(text: string, columns: number): string {
  return text.replace(/^/gm, ' '.repeat(columns));
}
