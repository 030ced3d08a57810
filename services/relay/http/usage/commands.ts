// Commands: the lines that the usage page offers for a job, for Linux and macOS, and for any Node; not the CI blocks.
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
import { DEFAULT_RESUME_WINDOW_MS, SERVER_ALIVE_MARGIN_MS } from '#shared/commands/ssh-options.ts';
import { agentPath, clientPath, downloadPath } from '#shared/protocol/paths.ts';
import { type Offer, SCRIPT_FILE } from '../download/binary.ts';
import { type CommandText, command, type IdGap, type PinGap, type Snippet } from './command-text.ts';
import type { EntryTerms } from './entry-terms.ts';
import type { OwnAddress } from './own-address.ts';
import type { System } from './systems.ts';

/** Where the ID of a job log belongs, until somebody gives it. */
const ID_OF_LOG = 'ID';

/** An ID that a person could choose. */
export const CHOSEN_ID = 'my-job';

/** Where ssh-keygen puts a key, and its certificate beside it. */
export const SAMPLE_KEY = '~/.ssh/id_ed25519';

export const SAMPLE: IdGap = { fallback: ID_OF_LOG };

const CHOSEN: IdGap = { fallback: CHOSEN_ID };

/** No ID: the agent makes one that nobody can guess. One that is given to the page stands there all the same. */
export const MADE_BY_AGENT: IdGap = { fallback: '', before: '/' };

/** Between two probes of an ssh that somebody starts by hand, in seconds. */
const PLAIN_ALIVE_SECONDS = 10;

/**
 * The host is always called localhost, and has another key in every job; and probes that are not answered end ssh after three,
 * long before a session is over that waits for its client.
 */
const PLAIN_SSH_OPTIONS = [
  `ServerAliveInterval=${PLAIN_ALIVE_SECONDS}`,
  `ServerAliveCountMax=${(DEFAULT_RESUME_WINDOW_MS + SERVER_ALIVE_MARGIN_MS) / 1_000 / PLAIN_ALIVE_SECONDS}`,
  FORGET_HOST,
]
  .map((option) => `-o${option}`)
  .join(' ');

/** As the fragment of a URL. */
const PIN: PinGap = { before: '#' };

/** Where a text gets its URL, which has a gap of its own. */
const GAP = '\0';

/** `ws…/agent/ID`, with the gap that is given; `ws…/agent` where the agent makes the ID. */
export function agentUrl(relay: OwnAddress, id: IdGap): CommandText {
  const path = agentPath('');
  return command`${relay.ws}${id === MADE_BY_AGENT ? path.replace(/\/$/, '') : path}${id}`;
}

/** Downloads one program and makes it executable, in two lines. */
export function fetchProgram(relay: OwnAddress, program: string): string {
  return `${fetchCommand(relay.http, program)}\n${allowCommand(program)}`;
}

/** What a script takes, and nothing else. */
export interface PinnedDownload {
  /** Its name there, such as `agent-darwin-arm64`. */
  readonly download: string;
  /** Undefined where it is not built: then whatever comes is taken. */
  readonly sha256: string | undefined;
  /** What checks it. Coreutils and busybox understand `sha256sum` alike; a Mac has `shasum -a 256`. */
  readonly checker?: string;
}

/**
 * The same for a script that stays in a repository: it takes the program whose SHA-256 it names and stops at any other,
 * whatever the relay serves by then.
 */
export function fetchPinned(relay: OwnAddress, program: string, pinned: PinnedDownload): string {
  const { download, sha256, checker } = pinned;
  if (sha256 === undefined) return fetchProgram(relay, program);
  return [
    fetchCommand(relay.http, program, download),
    `${checkCommand(program, sha256, checker)} ||`,
    `  { echo "${pinRefusal(relay, program)}"; exit 1; }`,
    allowCommand(program),
  ].join('\n');
}

/** What a block says of another program than the one that it pins. */
export function pinRefusal(relay: OwnAddress, program: string): string {
  return `refused: this block pins another ${program}. Was the relay upgraded? Take it anew: ${relay.http}/#ci`;
}

/** `asksForId`: a policy knows no ID that an agent makes up. */
export function jobCommands(relay: OwnAddress, offer: Offer, asksForId: boolean): Snippet[] {
  const text = command`
${fetchProgram(relay, 'agent')}
./agent ${agentUrl(relay, asksForId ? CHOSEN : MADE_BY_AGENT)}`;
  return [
    { name: 'job', title: `Get the agent and start it, on ${offer.defaultPlatform}`, text },
    {
      name: 'job-wget',
      title: 'In one line, where there is no curl',
      text: command`wget -qO- ${relay.http}${downloadPath('agent.sh')} | sh -s -- --timeout 10m${lineArgument(relay, asksForId)}`,
    },
    {
      name: 'job-id',
      title: 'With an ID that you choose',
      text: command`./agent ${agentUrl(relay, CHOSEN)}`,
    },
  ];
}

/** The URL as the last word of a line that has one of its own: of use for an ID alone. */
function lineArgument(relay: OwnAddress, asksForId: boolean): CommandText {
  const before = ` ${relay.ws}${agentPath('')}`;
  return [{ fallback: asksForId ? before + CHOSEN_ID : '', before }];
}

/** The first line of the page for any job with a POSIX shell. */
export function jobLine(relay: OwnAddress, asksForId: boolean): CommandText {
  const before = ` -s -- ${relay.ws}${agentPath('')}`;
  const url: IdGap = { fallback: asksForId ? before + CHOSEN_ID : '', before };
  return command`${scriptCommand(relay.http, 'agent.sh')}${url}`;
}

/** The same for PowerShell. */
export function windowsJobLine(relay: OwnAddress, asksForId: boolean): CommandText {
  return command`& ([scriptblock]::Create((irm ${relay.http}${downloadPath('agent.ps1')})))${lineArgument(relay, asksForId)}`;
}

/** For the systems that have a POSIX shell and a wsproxy here. */
export function laptopCommands(relay: OwnAddress, identity: string, systems: readonly System[]): Snippet[] {
  const through = (tool: string, rest = ''): CommandText =>
    toolText({ relay, identity, tool, wsproxy: './wsproxy', rest });
  return [
    { name: 'wsproxy', title: 'Once: get wsproxy', text: [scriptCommand(relay.http, 'client.sh')], systems },
    { name: 'ssh', title: 'A shell', text: through('ssh'), systems },
    { name: 'sftp', title: 'Browse files', text: through('sftp'), systems },
    { name: 'scp', title: 'Copy a file', text: through('scp', ' :build.log .'), systems },
    {
      name: 'plain-ssh',
      title: 'The same with ssh itself, for a script or a tool that starts it',
      text: command`ssh ${PLAIN_SSH_OPTIONS} -oProxyCommand='./wsproxy ${identity}"${jobUrl(relay)}"' ${DEFAULT_USER}@localhost`,
      systems,
    },
  ];
}

/** What says who somebody is, for each kind of system: an option with a blank behind it, or nothing. */
export interface IdentityWords {
  readonly posix: string;
  readonly windows: string;
}

/** wsproxy.mjs, whose lines differ by how PowerShell calls curl, and by where a key is. */
export function nodeCommands(relay: OwnAddress, { posix, windows }: IdentityWords): Snippet[] {
  const text = (curl: string, identity: string): CommandText => command`
${curl} -fsSLo ${SCRIPT_FILE} ${relay.http}${downloadPath(SCRIPT_FILE)}
${toolText({ relay, identity, tool: 'ssh', wsproxy: `node ${SCRIPT_FILE}` })}`;
  const title = 'With Node 20 or newer, in place of wsproxy';
  return [
    { name: 'node', title, text: text('curl', posix), systems: ['linux', 'macos'] },
    { name: 'node-windows', title, text: text('curl.exe', windows), systems: ['windows'] },
  ];
}

export function configCommands(relay: OwnAddress, identity: string, systems: readonly System[]): Snippet[] {
  const wsproxy = `wsproxy ${identity}`.trimEnd();
  return [
    {
      name: 'config-add',
      title: 'Let wsproxy add it',
      text: [configAddText(relay, identity, './wsproxy')],
      systems,
    },
    {
      name: 'config',
      title: 'Or add to ~/.ssh/config',
      text: [configText(relay, wsproxy)],
      systems,
    },
  ];
}

/** Where there is no wsproxy but wsproxy.mjs. */
export function nodeConfigCommands(
  relay: OwnAddress,
  identity: string,
  systems: readonly System[],
): Snippet[] {
  const text = [configAddText(relay, identity, `node ${SCRIPT_FILE}`)];
  return [{ name: 'config-node', title: 'Let wsproxy.mjs add it', text, systems }];
}

/** Whoever never used ssh has no such folder, and it is for nobody else. */
function configAddText(relay: OwnAddress, identity: string, wsproxy: string): string {
  return `mkdir -pm 700 ~/.ssh && ${wsproxy} config ${identity}${relay.ws} >> ~/.ssh/config`;
}

/** What they type once the block is in its file. */
export function configUse(systems: readonly System[] | undefined): Snippet {
  const text = command`
ssh ${SAMPLE}${JOB_SUFFIX}
sftp ${SAMPLE}${JOB_SUFFIX}
scp ${SAMPLE}${JOB_SUFFIX}:build.log .`;
  return { name: 'config-use', title: 'Then', text, ...(systems && { systems }) };
}

/** The block, started by these words. */
export function configText(relay: OwnAddress, wsproxy: string): string {
  return configBlock({ relay: relay.ws.replaceAll('%', '%%'), wsproxy });
}

export function portCommands(relay: OwnAddress, identity: string, systems: readonly System[]): Snippet[] {
  return [
    { name: 'tcptows', title: 'In one terminal', text: portText(relay, identity, './tcptows'), systems },
  ];
}

/** The local port, opened by this program. */
export function portText(relay: OwnAddress, identity: string, tcptows: string): CommandText {
  return command`${tcptows} ${identity}${String(EXAMPLE_PORT)} "${jobUrl(relay)}"`;
}

export function portUse(systems: readonly System[] | undefined): Snippet {
  return {
    ...(systems && { systems }),
    name: 'tcptows-ssh',
    title: 'In another, or in your tool',
    text: command`ssh -o ${FORGET_HOST} -p ${String(EXAMPLE_PORT)} ${DEFAULT_USER}@127.0.0.1`,
  };
}

/** Checks `agent` as it was downloaded above; busybox and coreutils understand it alike. */
export function checksumCommands(relay: OwnAddress, platform: string): Snippet[] {
  const text = command`
curl -fsSL ${relay.http}${downloadPath('SHA256SUMS')} |
  sed -n 's/ agent-${platform}$/ agent/p' | sha256sum -c`;
  return [{ name: 'checksum', title: 'Is the agent what this relay built?', text }];
}

/** Where nothing but a certificate will do, it is in the commands, as `key`; a sign-on and a token need no option. */
export function identityOption({ clients }: EntryTerms, key: string): string {
  return clients?.length === 1 && clients[0] === 'certificate' ? `--identity ${key} ` : '';
}

/** `ws…/client/ID#SHA256:…`, with gaps for both. */
export function jobUrl(relay: OwnAddress): CommandText {
  return command`${relay.ws}${clientPath('')}${SAMPLE}${PIN}`;
}

interface ToolParts {
  readonly relay: OwnAddress;
  /** As `identityOption` has it. */
  readonly identity: string;
  readonly tool: string;
  /** The words that start it. */
  readonly wsproxy: string;
  /** Behind the URL. */
  readonly rest?: string;
}

/** A stock tool through wsproxy. */
export function toolText({ relay, identity, tool, wsproxy, rest = '' }: ToolParts): CommandText {
  const [before = '', behind = ''] = toolCommand(tool, identity, GAP, wsproxy).split(GAP);
  return command`${before}${jobUrl(relay)}${behind}${rest}`;
}
