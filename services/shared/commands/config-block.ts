// The block for ~/.ssh/config that makes every job of a relay a host; wsproxy writes it, and the usage page shows it.
import { clientPath } from '../protocol/paths.ts';
import { DEFAULT_USER, FORGET_HOST } from './printed-commands.ts';

/** A job is the host ID.job: no real host has such a name. */
export const JOB_SUFFIX = '.job';

export interface ConfigBlock {
  /** ws(s)://HOST[:PORT][/prefix], without a slash at the end, fit for the words of a ProxyCommand. */
  readonly relay: string;
  /** The words that start wsproxy with its options, as a ProxyCommand has them. */
  readonly wsproxy: string;
}

/**
 * The lines, without a line end behind the last. `%n` is the host as it was typed; `%h` would not do, since ssh puts it in
 * lower case, and IDs are not. zsh takes the brackets of an IPv6 address for a pattern.
 */
export function configBlock({ relay, wsproxy }: ConfigBlock): string {
  const url = `${relay}${clientPath('%n')}`;
  return [
    `Host *${JOB_SUFFIX}`,
    `  User ${DEFAULT_USER}`,
    `  ProxyCommand ${wsproxy} --strip ${JOB_SUFFIX} ${url.includes('[') ? `"${url}"` : url}`,
    `  ${FORGET_HOST.replace('=', ' ')}`,
  ].join('\n');
}
