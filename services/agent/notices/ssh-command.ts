// The commands that people paste on their laptop, exactly as they work in bash, dash and zsh.
import {
  allowCommand,
  checkCommand,
  DEFAULT_USER,
  fetchCommand,
  toolCommand,
} from '#shared/commands/printed-commands.ts';
import { DEFAULT_RESUME_WINDOW_MS, sshOptions } from '#shared/commands/ssh-options.ts';
import { isPrivateUrl } from '#shared/protocol/loopback.ts';
import { clientPath, terminalPath } from '#shared/protocol/paths.ts';
import type { ClientDownload } from './client-digests.ts';

/** Where a client finds the agent, and the key that must answer. */
export interface SshDestination {
  /** http(s)://HOST[:PORT][/prefix]; from the relay, so it is not trusted to be harmless in a shell. */
  readonly publicUrl: string;
  readonly id: string;
  readonly user: string;
  /** `SHA256:…`, 43 characters of base64 after the colon. */
  readonly fingerprint: string;
  /** How long a session outlives its transport; undefined or 0 if it does not. */
  readonly resumeWindowMs?: number | undefined;
}

/**
 * True if `text` is an http(s) URL whose host means nothing to a shell. What a relay announces must pass
 * before it is put into a SshDestination: the builders below throw a TypeError otherwise.
 */
export function isUsablePublicUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, host } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && /^[A-Za-z0-9.:[\]_-]+$/.test(host);
}

/**
 * The URL that a relay announces, safe to print in a command, in the log and on a terminal; undefined if it is not usable.
 * Line ends and white space, which a URL may contain, are gone; anything else that is unsafe is escaped.
 */
export function printedUrlFrom(text: string): string | undefined {
  return isUsablePublicUrl(text) ? shellSafeUrl(text) : undefined;
}

/**
 * `curl` and `chmod` for one of the client programs, and between them the check of its SHA-256. A file that fails the check is
 * removed: `curl` may have written it over an older one that was executable already.
 */
export function downloadCommand(
  publicUrl: string,
  program: 'wsproxy' | 'tcptows',
  { name, sha256 }: Pick<ClientDownload, 'name' | 'sha256'>,
): string {
  const fetch = fetchCommand(shellSafeUrl(publicUrl), program, name);
  const allow = allowCommand(program);
  if (sha256 === undefined) return `${fetch} && ${allow}`;
  return `${fetch} && ${checkCommand(program, sha256)} && ${allow} || ! rm -f ${program}`;
}

/** The page of the relay, with the commands for this job on any system. The fragment is for the browser alone. */
export function pageUrl({ publicUrl, id, fingerprint }: SshDestination): string {
  return `${shellSafeUrl(publicUrl)}/?id=${id}#${fingerprint}`;
}

/** `ssh` through ./wsproxy, which adds the options that it needs: `./wsproxy ssh --print URL` shows them. */
export function sshCommand(destination: SshDestination): string {
  return clientCommand('ssh', destination);
}

/** `sftp` through ./wsproxy. */
export function sftpCommand(destination: SshDestination): string {
  return clientCommand('sftp', destination);
}

/** `scp` of one file out of the job. */
export function scpCommand(destination: SshDestination): string {
  return `${clientCommand('scp', destination)} :FILE .`;
}

/** A local port for tools that cannot run a ProxyCommand, and `ssh` through it. */
export function tcptowsCommands(destination: SshDestination, port: number): [string, string] {
  const options = sshOptions({ isPinned: true, resumeWindowMs: destination.resumeWindowMs });
  return [
    `./tcptows ${port} "${clientUrl(destination)}"`,
    `ssh ${options.map((option) => `-o ${option}`).join(' ')} -p ${port} ${destination.user}@127.0.0.1`,
  ];
}

/** ws(s)://HOST/client/ID#SHA256:…, to be put in double quotes: zsh may take `#` and `[` for patterns. */
export function clientUrl({ publicUrl, id, fingerprint }: SshDestination): string {
  return `${shellSafeUrl(publicUrl).replace(/^http/, 'ws')}${clientPath(id)}#${fingerprint}`;
}

/**
 * A page of the relay that is a client; undefined where a browser gives no page the means, which is over plain HTTP to another
 * machine. What comes after `#` stays in the browser; `secret` is of base32.
 */
export function terminalLink(
  { publicUrl, id, fingerprint, user }: SshDestination,
  secret?: string,
): string | undefined {
  if (!isPrivateUrl(new URL(publicUrl))) return undefined;
  const rest = `${user === DEFAULT_USER ? '' : `&user=${user}`}${secret === undefined ? '' : `&secret=${secret}`}`;
  return `${shellSafeUrl(publicUrl)}${terminalPath(id)}#${fingerprint}${rest}`;
}

/** Only what differs from what wsproxy takes for granted is in the line. */
function clientCommand(tool: 'ssh' | 'sftp' | 'scp', destination: SshDestination): string {
  const { user, resumeWindowMs = 0 } = destination;
  const options = [
    ...(user === DEFAULT_USER ? [] : [`--user ${user} `]),
    ...(resumeWindowMs > DEFAULT_RESUME_WINDOW_MS
      ? [`--resume-window ${Math.ceil(resumeWindowMs / 1_000)}s `]
      : []),
  ];
  return toolCommand(tool, options.join(''), clientUrl(destination));
}

/** The origin and path of a URL, without a trailing slash, with all that means something to a shell escaped. */
function shellSafeUrl(text: string): string {
  if (!isUsablePublicUrl(text)) throw new TypeError(`not a URL that can be printed in a command: ${text}`);
  const { protocol, host, pathname } = new URL(text);
  const path = pathname.replace(/\/+$/, '').replaceAll(/[^A-Za-z0-9/._~%-]/g, percentEncoded);
  return `${protocol}//${host}${path}`;
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
