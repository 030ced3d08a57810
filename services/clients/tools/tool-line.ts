// The tool line: all the words that start a stock program so that it reaches a job through wsproxy.
import { type SshCase, sshOptions } from '#shared/commands/ssh-options.ts';
import { proxyCommandOf, type QuotingPlatform, remoteShellOf } from './quoting.ts';
import { choosesRemoteShell, nameHost, splitToolWords, type ToolName } from './tool-words.ts';

export interface ToolRequest extends SshCase {
  readonly tool: ToolName;
  /** The words that start wsproxy itself for this job, URL included. */
  readonly wsproxy: readonly string[];
  readonly id: string;
  readonly user: string;
  /** What the person gives to the tool. */
  readonly words: readonly string[];
  readonly platform: QuotingPlatform;
}

export type ToolLine =
  | { readonly kind: 'line'; readonly words: readonly [ToolName, ...string[]] }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Puts our options behind the person's own: of an option that is given twice ssh takes the first. The host is the job's ID,
 * so that prompts name it; `-l` and `-o User` win over the name before it.
 */
export function toolLine(request: ToolRequest): ToolLine {
  const { tool, words } = request;
  const host = `${request.user}@${request.id}`;
  const ours = optionsOf(request).flatMap((option) => ['-o', option]);
  if (tool === 'rsync') {
    if (choosesRemoteShell(words))
      return invalid('rsync is given -e by wsproxy; leave it out, and put options of ssh into ~/.ssh/config');
    if (!words.some((word) => word.startsWith(':'))) return invalid(missingPath('rsync -a'));
    return { kind: 'line', words: [tool, '-e', remoteShellOf(['ssh', ...ours]), ...nameHost(host, words)] };
  }
  const { options, rest } = splitToolWords(tool, words);
  const start = [tool, ...options, ...ours] as const;
  switch (tool) {
    case 'ssh':
      return { kind: 'line', words: [...start, host, ...rest] };
    case 'scp':
      if (!rest.some((word) => word.startsWith(':'))) return invalid(missingPath('scp'));
      return { kind: 'line', words: [...start, ...nameHost(host, rest)] };
    case 'sftp': {
      const [path, ...others] = rest;
      if (path !== undefined && (!path.startsWith(':') || others.length > 0))
        return invalid(
          `sftp takes one path in the job, which begins with a colon; not ${JSON.stringify(rest.join(' '))}`,
        );
      return { kind: 'line', words: [...start, `${host}${path ?? ''}`] };
    }
  }
}

function optionsOf(request: ToolRequest): string[] {
  const proxyCommand = proxyCommandOf(request.wsproxy, request.platform);
  return [`ProxyCommand=${proxyCommand}`, ...sshOptions(request)];
}

function missingPath(tool: string): string {
  return `a path in the job begins with a colon, and there is none: wsproxy ${tool.replace(/ .*/, '')} URL${tool.replace(/^\S+/, '')} :FILE .`;
}

function invalid(message: string): ToolLine {
  return { kind: 'invalid', message };
}
