// Printed commands: what the job log, the usage page and the relay's first lines ask people to type: those shared by all three.
import { downloadPath } from '../protocol/paths.ts';

/** For a local port: any free one does, this one is easy to remember. */
export const EXAMPLE_PORT = 2222;

/** The user to log in as, unless the agent is given another. */
export const DEFAULT_USER = 'abc';

/** True if `text` can be a name to log in with: a POSIX portable one, with dots. A shell or `ssh user@host` misreads none. */
export function isUserName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(text);
}

/** A job's host key lasts as long as the job: ssh is not to remember it, nor to find a stale one under a name used again. */
export const FORGET_HOST = 'UserKnownHostsFile=/dev/null';

/** Gets a program from the relay at `base`, http(s)://HOST[:PORT][/prefix], into a file of its name; `download` is what it is there. */
export function fetchCommand(base: string, program: string, download = program): string {
  return `curl --compressed -fsSLo ${program} ${base}${downloadPath(download)}`;
}

/** Fails unless the file has this SHA-256, in hex; coreutils and busybox understand it alike. */
export function checkCommand(program: string, sha256: string, checker = 'sha256sum'): string {
  return `echo "${sha256}  ${program}" | ${checker} -c`;
}

/** Makes the file a program. */
export function allowCommand(program: string): string {
  return `chmod +x ${program}`;
}

/** The scripts that pick the platform, check the digest and do the rest. */
export type InstallScriptName = 'agent.sh' | 'client.sh';

/** Runs one of them from the relay at `base`, with the words that are meant for it. */
export function scriptCommand(base: string, script: InstallScriptName, words = ''): string {
  const shell = words === '' ? 'sh' : `sh -s -- ${words}`;
  return `curl -fsSL ${base}${downloadPath(script)} | ${shell}`;
}

/** A stock tool through the wsproxy of this folder; double quotes, since zsh may take `#` and `[` for patterns. */
export function toolCommand(tool: string, options: string, url: string, wsproxy = './wsproxy'): string {
  return `${wsproxy} ${tool} ${options}"${url}"`;
}
