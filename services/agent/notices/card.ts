// The card in the job log: the exact commands that open a session.
import { EXAMPLE_PORT } from '#shared/commands/printed-commands.ts';
import { formatDuration } from '#shared/time/duration.ts';
import type { WayIn } from '../access/credentials-source.ts';
import { LINK_SECRET_WITHIN_MS } from '../access/link-secret.ts';
import { type ClientDigests, clientDownload } from './client-digests.ts';
import { peopleLines } from './people-lines.ts';
import {
  downloadCommand,
  pageUrl,
  type SshDestination,
  scpCommand,
  sftpCommand,
  sshCommand,
  tcptowsCommands,
  terminalLink,
} from './ssh-command.ts';
import { formatMoment } from './time-of-day.ts';

export interface CardInput {
  readonly destination: SshDestination;
  readonly entry: WayIn;
  /** Whether the relay has a page that is a client. */
  readonly hasTerminal: boolean;
  /** What the link lets in with, once; undefined: nothing, as is usual. */
  readonly linkSecret?: string | undefined;
  readonly now: number;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly timeoutMs: number;
  readonly maxLifetimeMs: number;
  /** What the relay leaves to the agent, where that is less than its own longest lifetime. */
  readonly relayLeavesMs?: number | undefined;
  /** It is in the background of a job, which goes on meanwhile. */
  readonly isJobRunning?: boolean;
  /** Of the clients to fetch; without them what the relay serves is taken as it is. */
  readonly clientDigests?: ClientDigests;
}

const DIGEST_LINE =
  'sha256sum refuses a client that was not built with this agent: a relay that was upgraded meanwhile has others.';

/** The card, one string per line. The commands stand alone on their lines, so that a triple click copies them. */
export function cardFrom(input: CardInput): string[] {
  const { destination, clientDigests = {} } = input;
  const [tunnel, throughTunnel] = tcptowsCommands(destination, EXAMPLE_PORT);
  const wsproxy = clientDownload('wsproxy', clientDigests);
  return [
    '',
    '=== converge: this job is open for SSH ===',
    '',
    `Get the client once (${wsproxy.laptop}; in the folder where you run ssh):`,
    `  ${downloadCommand(destination.publicUrl, 'wsproxy', wsproxy)}`,
    `On macOS, Windows and others: ${pageUrl(destination)}`,
    '',
    'Open a shell in this job:',
    `  ${sshCommand(destination)}`,
    '',
    ...terminalLines(input),
    ...entryLines(input.entry),
    '',
    `The #SHA256 part pins this job's host key; wsproxy checks it, so known_hosts is not needed.`,
    ...(wsproxy.sha256 === undefined ? [] : [DIGEST_LINE]),
    '',
    'Copy files:',
    `  ${sftpCommand(destination)}`,
    `  ${scpCommand(destination)}`,
    '',
    'Or through a local port:',
    `  ${downloadCommand(destination.publicUrl, 'tcptows', clientDownload('tcptows', clientDigests))}`,
    `  ${tunnel}`,
    `  ${throughTunnel}`,
    '',
    ...endLines(input),
    'A file .hold in the working directory keeps it after the last client left, until the deadline.',
    'A client that is lost (a closed lid, no network) has not left: the job waits for it until the deadline.',
    '',
  ];
}

/** Without the password: a link is kept by browsers, and passed on. */
function terminalLines(input: CardInput): string[] {
  const link = linkOf(input);
  if (link === undefined) return [];
  const once =
    input.linkSecret === undefined
      ? ''
      : ` (this link lets in once, within ${formatDuration(LINK_SECRET_WITHIN_MS)}, whoever follows it)`;
  return [`Or in a browser, with nothing to get${once}:`, `  ${link}`, ''];
}

function linkOf({ destination, hasTerminal, linkSecret }: CardInput): string | undefined {
  return hasTerminal ? terminalLink(destination, linkSecret) : undefined;
}

function endLines(input: CardInput): string[] {
  const { now, deadline, timeoutMs, isJobRunning = false } = input;
  if (isJobRunning) {
    return [
      `Open while the job runs, and then as long as somebody is in (\`agent wait\`), ${formatDuration(timeoutMs)} after the last`,
      `activity at most; always ends ${lastEndOf(input)}`,
    ];
  }
  return [
    `Waits for you until ${formatMoment(deadline, now)} (${formatDuration(deadline - now)}).`,
    `Ends when the last client leaves, ${formatDuration(timeoutMs)} after the last activity, and always ` +
      lastEndOf(input),
  ];
}

function lastEndOf({ maxLifetimeMs, relayLeavesMs }: CardInput): string {
  if (relayLeavesMs === undefined) return `${formatDuration(maxLifetimeMs)} after the start.`;
  const leaves = formatDuration(relayLeavesMs);
  return `${leaves} from now: the relay gives this agent ${leaves}.`;
}

/** What `--quiet` prints instead: the `ssh` line, the link if one was asked for, and how to enter. */
export function quietCardFrom(input: CardInput): string[] {
  const link = input.linkSecret === undefined ? undefined : linkOf(input);
  return [
    sshCommand(input.destination),
    ...(link === undefined ? [] : [link]),
    ...quietEntryLines(input.entry),
  ];
}

function entryLines(entry: WayIn): string[] {
  switch (entry.kind) {
    case 'generated_password':
      return ['Password:', `  ${entry.password}`];
    case 'chosen_password':
      return ['Password: the one that was set with CONVERGE_PASSWORD or --password.'];
    case 'keys':
      return peopleLines(entry.people);
  }
}

function quietEntryLines(entry: WayIn): string[] {
  return entry.kind === 'generated_password' ? [entry.password] : [];
}
