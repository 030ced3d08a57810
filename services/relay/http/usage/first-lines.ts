// First lines: what the usage page begins with: one line for the job, by CI system, and one for the laptop, by what it runs.
import { scriptCommand, toolCommand } from '#shared/commands/printed-commands.ts';
import { agentPath, downloadPath } from '#shared/protocol/paths.ts';
import { agentDigest, SCRIPT_FILE } from '../download/binary.ts';
import { WINDOWS_PLATFORM } from '../download/platform.ts';
import {
  BUILDKITE_ID,
  CIRCLECI_ID,
  GITLAB_ID,
  githubId,
  idRule,
  JENKINS_ID,
  STEP_TIMEOUT_MINUTES,
} from './ci-blocks.ts';
import { type CommandText, command, type IdGap, type Snippet } from './command-text.ts';
import {
  agentUrl,
  identityOption,
  jobLine,
  jobUrl,
  MADE_BY_AGENT,
  SAMPLE_KEY,
  windowsJobLine,
} from './commands.ts';
import type { OwnAddress } from './own-address.ts';
import type { PageOptions } from './plain-text.ts';
import { laptopOffer, SYSTEM_NAMES, SYSTEMS, type System, systemsWith } from './systems.ts';
import { WINDOWS_SAMPLE_KEY, WSPROXY_EXE } from './windows-commands.ts';

/** A line that is shown for one choice, which `choice` names in the address of the page's own script. */
export interface FirstLine extends Snippet {
  readonly choice: string;
  /** On the button. */
  readonly label: string;
}

type FirstLineOptions = Omit<PageOptions, 'id'>;

/** What starts an agent at once, or in a job that failed. The blocks of the page say more: they are pinned, and limited in time. */
export function jobFirstLines({ relay, offer, entry }: FirstLineOptions): FirstLine[] {
  const asksForId = entry.agents !== undefined;
  const idFrom = idRule(entry);
  const line = (options: string, ruledId: string): CommandText => ciLine(relay, options, idFrom(ruledId));
  const posix = systemsWith(offer, 'agent').filter((system) => system !== 'windows');
  return [
    {
      choice: 'shell',
      label: 'Any shell',
      name: 'first-shell',
      title: `In any job with a shell${posix.length === 0 ? '' : `, on ${posix.map((system) => SYSTEM_NAMES[system]).join(' or ')}`}`,
      text: jobLine(relay, asksForId),
    },
    ...(agentDigest(offer, WINDOWS_PLATFORM) === undefined
      ? []
      : [
          {
            choice: 'powershell',
            label: 'PowerShell',
            name: 'first-powershell',
            title: 'In any job on Windows, in PowerShell',
            text: windowsJobLine(relay, asksForId),
          },
        ]),
    {
      choice: 'github',
      label: 'GitHub Actions',
      name: 'first-github',
      title: 'The last of the job’s steps: whoever started the run gets in, by their SSH keys on GitHub',
      text: command`
- if: failure()
  run: ${line('--allow "github:$GITHUB_TRIGGERING_ACTOR"', githubId('$'))}`,
    },
    {
      choice: 'gitlab',
      label: 'GitLab CI',
      name: 'first-gitlab',
      title: 'In the job: whoever started the pipeline gets in, by their SSH keys on GitLab',
      text: command`
variables: { RUNNER_AFTER_SCRIPT_TIMEOUT: ${String(STEP_TIMEOUT_MINUTES)}m }
after_script:
  - test "$CI_JOB_STATUS" != failed || ${line('--authorized-keys "$CI_SERVER_URL/$GITLAB_USER_LOGIN.keys"', GITLAB_ID)}`,
    },
    {
      choice: 'jenkins',
      label: 'Jenkins',
      name: 'first-jenkins',
      title: 'In a declarative pipeline or stage',
      text: command`post { failure { sh '${line('', JENKINS_ID)}' } }`,
    },
    {
      choice: 'circleci',
      label: 'CircleCI',
      name: 'first-circleci',
      title: 'The last of the job’s steps: whoever started the pipeline gets in, by their SSH keys on GitHub',
      text: command`
- run:
    when: on_fail
    no_output_timeout: ${String(STEP_TIMEOUT_MINUTES)}m
    command: ${line('--allow "github:$CIRCLE_USERNAME"', CIRCLECI_ID)}`,
    },
    {
      choice: 'buildkite',
      label: 'Buildkite',
      name: 'first-buildkite',
      title: 'In the repository, as the executable file .buildkite/hooks/pre-exit',
      text: command`
#!/bin/sh
test "\${BUILDKITE_COMMAND_EXIT_STATUS:-0}" = 0 || ${line('', BUILDKITE_ID)} || true`,
    },
  ];
}

/** One for each system; none for a system that has nothing here. */
export function laptopFirstLines({ relay, offer, entry }: FirstLineOptions): FirstLine[] {
  const { served, hasScript } = laptopOffer(offer);
  return SYSTEMS.flatMap((system) => {
    const words = startWords(relay, system, served.includes(system), hasScript);
    if (words === undefined) return [];
    const identity = identityOption(entry, system === 'windows' ? WINDOWS_SAMPLE_KEY : SAMPLE_KEY);
    const ssh = command`${toolCommand('ssh', identity, '', words.wsproxy).slice(0, -1)}${jobUrl(relay)}"`;
    return {
      choice: system,
      label: SYSTEM_NAMES[system],
      name: `first-${system}`,
      title: 'As the job log has it, which knows the ID',
      text: command`${words.get}${ssh}`,
      systems: [system],
    };
  });
}

interface StartWords {
  /** The command that gets it, with what joins it to the next. */
  readonly get: string;
  readonly wsproxy: string;
}

function startWords(
  relay: OwnAddress,
  system: System,
  isServed: boolean,
  hasScript: boolean,
): StartWords | undefined {
  const isWindows = system === 'windows';
  if (isServed)
    return isWindows
      ? { get: `irm ${relay.http}${downloadPath('client.ps1')} | iex; `, wsproxy: WSPROXY_EXE }
      : { get: `${scriptCommand(relay.http, 'client.sh')} && `, wsproxy: './wsproxy' };
  if (!hasScript) return undefined;
  const [curl, then] = isWindows ? ['curl.exe', '; '] : ['curl', ' && '];
  return {
    get: `${curl} -fsSLO ${relay.http}${downloadPath(SCRIPT_FILE)}${then}`,
    wsproxy: `node ${SCRIPT_FILE}`,
  };
}

/** The script, with options and where it is needed an ID: without, its URL is that of the relay. */
function ciLine(relay: OwnAddress, options: string, id: IdGap): CommandText {
  const script = scriptCommand(relay.http, 'agent.sh', options);
  const before = options === '' ? ' -s -- ' : ' ';
  if (id !== MADE_BY_AGENT) return command`${script}${before}"${agentUrl(relay, id)}"`;
  const url: IdGap = { fallback: '', before: `${before}${relay.ws}${agentPath('')}` };
  return command`${script}${url}`;
}
