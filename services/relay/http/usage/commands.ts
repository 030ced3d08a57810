// Commands: every line that the usage page offers, but for the CI blocks.
import { configBlock, JOB_SUFFIX } from '#shared/commands/config-block.ts';
import {
  allowCommand,
  checkCommand,
  DEFAULT_USER,
  EXAMPLE_PORT,
  FORGET_HOST,
  fetchCommand,
  scriptCommand,
  toolCommand,
} from '#shared/commands/printed-commands.ts';
import { agentPath, clientPath, downloadPath } from '#shared/protocol/paths.ts';
import { type CommandText, command, type IdGap, type Snippet } from './command-text.ts';
import type { EntryTerms } from './entry-terms.ts';
import type { OwnAddress } from './own-address.ts';

/** The ID in the commands until somebody gives one. */
export const SAMPLE_ID = 'my-job';

/** Where ssh-keygen puts a key, and its certificate beside it. */
const SAMPLE_KEY = '~/.ssh/id_ed25519';

const SAMPLE: IdGap = { fallback: SAMPLE_ID };

/** Where a text gets its URL, which has a gap of its own. */
const GAP = '\0';

/** `ws…/agent/ID`, with the gap that is given. */
export function agentUrl(relay: OwnAddress, id: IdGap): CommandText {
  return command`${relay.ws}${agentPath('')}${id}`;
}

/** Downloads one program and makes it executable, in two lines. */
export function fetchProgram(relay: OwnAddress, program: string): string {
  return `${fetchCommand(relay.http, program)}\n${allowCommand(program)}`;
}

/**
 * The same for a script that stays in a repository: it takes the program whose SHA-256 it names and stops at any other,
 * whatever the relay serves by then. Coreutils and busybox understand it alike.
 */
export function fetchPinned(relay: OwnAddress, program: string, sha256: string | undefined): string {
  if (sha256 === undefined) return fetchProgram(relay, program);
  const refusal = `refused: this block pins another ${program}. Was the relay upgraded? Take it anew: ${relay.http}/#ci`;
  return [
    fetchCommand(relay.http, program),
    `${checkCommand(program, sha256)} ||`,
    `  { echo "${refusal}"; exit 1; }`,
    allowCommand(program),
  ].join('\n');
}

export function jobCommands(relay: OwnAddress): Snippet[] {
  const text = command`
${fetchProgram(relay, 'agent')}
./agent ${agentUrl(relay, SAMPLE)}`;
  const line = command`${scriptCommand(relay.http, 'agent.sh', '--timeout 10m')} ${agentUrl(relay, SAMPLE)}`;
  return [
    { name: 'job', title: 'Get the agent and start it', text },
    { name: 'job-line', title: 'The same in one line, on any platform', text: line },
  ];
}

export function laptopCommands(relay: OwnAddress, entry: EntryTerms): Snippet[] {
  const through = (tool: string, rest = ''): CommandText => {
    const [before = '', behind = ''] = toolCommand(tool, identityOption(entry), GAP).split(GAP);
    return command`${before}${clientUrl(relay)}${behind}${rest}`;
  };
  return [
    { name: 'wsproxy', title: 'Once: get wsproxy', text: [scriptCommand(relay.http, 'client.sh')] },
    { name: 'ssh', title: 'A shell', text: through('ssh') },
    { name: 'sftp', title: 'Browse files', text: through('sftp') },
    { name: 'scp', title: 'Copy a file', text: through('scp', ' :build.log .') },
  ];
}

export function configCommands(relay: OwnAddress, entry: EntryTerms): Snippet[] {
  const wsproxy = `wsproxy ${identityOption(entry)}`.trimEnd();
  const use = command`
ssh ${SAMPLE}${JOB_SUFFIX}
sftp ${SAMPLE}${JOB_SUFFIX}
scp ${SAMPLE}${JOB_SUFFIX}:build.log .`;
  return [
    {
      name: 'config-add',
      title: 'Let wsproxy add it',
      text: [`./wsproxy config ${identityOption(entry)}${relay.ws} >> ~/.ssh/config`],
    },
    {
      name: 'config',
      title: 'Or add to ~/.ssh/config',
      text: [configBlock({ relay: relay.ws.replaceAll('%', '%%'), wsproxy })],
    },
    { name: 'config-use', title: 'Then', text: use },
  ];
}

export function portCommands(relay: OwnAddress, entry: EntryTerms): Snippet[] {
  const listen = command`
${fetchProgram(relay, 'tcptows')}
./tcptows ${identityOption(entry)}${String(EXAMPLE_PORT)} ${clientUrl(relay)}`;
  return [
    { name: 'tcptows', title: 'In one terminal', text: listen },
    {
      name: 'tcptows-ssh',
      title: 'In another, or in your tool',
      text: command`ssh -o ${FORGET_HOST} -p ${String(EXAMPLE_PORT)} ${DEFAULT_USER}@127.0.0.1`,
    },
  ];
}

/** Checks `agent` as it was downloaded above; busybox and coreutils understand it alike. */
export function checksumCommands(relay: OwnAddress, platform: string): Snippet[] {
  const text = command`
curl -fsSL ${relay.http}${downloadPath('SHA256SUMS')} |
  sed -n 's/ agent-${platform}$/ agent/p' | sha256sum -c`;
  return [{ name: 'checksum', title: 'Is the agent what this relay built?', text }];
}

/** Where nothing but a certificate will do, it is in the commands; a sign-on and a token need no option. */
function identityOption({ clients }: EntryTerms): string {
  return clients?.length === 1 && clients[0] === 'certificate' ? `--identity ${SAMPLE_KEY} ` : '';
}

function clientUrl(relay: OwnAddress): CommandText {
  return command`${relay.ws}${clientPath('')}${SAMPLE}`;
}
