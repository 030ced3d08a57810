// The request: a command for a job, as a program asks for it, and the words by which ssh runs it.
import { type SshCase, sshOptions } from '#shared/commands/ssh-options.ts';
import { proxyCommandOf, type QuotingPlatform } from '../tools/quoting.ts';

export interface ExecRequest {
  readonly kind: 'exec';
  /** The words that start wsproxy itself, with its options and without the URL. */
  readonly wsproxy: readonly string[];
  /** The URL of the job, fit for a ProxyCommand. */
  readonly address: string;
  readonly id: string;
  readonly user: string;
  readonly resumeWindowMs: SshCase['resumeWindowMs'];
  /** Options of ssh, which win over ours. */
  readonly options: readonly string[];
  /** For the shell of the job. */
  readonly command: string;
  /** In milliseconds, from the start of wsproxy to the end of the command; undefined for as long as it takes. */
  readonly timeoutMs: number | undefined;
  readonly password:
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'file'; readonly file: string }
    | undefined;
  readonly isJson: boolean;
  /** What starts wsproxy again, without options. */
  readonly self: readonly string[];
  readonly platform: QuotingPlatform;
}

/** What ssh and the wsproxy below it write, apart from what the command does. */
export interface ExecFiles {
  readonly log: string;
  readonly events: string;
}

/**
 * The arguments of ssh. No question is asked: BatchMode where there is no password, one attempt where there is; the host key is
 * pinned; and a master connection of the person's own, which may lead elsewhere, is not taken.
 */
export function execArguments(request: ExecRequest, { log, events }: ExecFiles): string[] {
  const { wsproxy, address, platform, user, id, password } = request;
  const login =
    password === undefined
      ? ['BatchMode=yes']
      : [
          'BatchMode=no',
          'NumberOfPasswordPrompts=1',
          'PreferredAuthentications=password,keyboard-interactive,publickey',
        ];
  const ours = [
    `ProxyCommand=${proxyCommandOf([...wsproxy, '--events', events, address], platform)}`,
    ...sshOptions({ isPinned: true, resumeWindowMs: request.resumeWindowMs }),
    ...login,
    'ControlMaster=no',
    'ControlPath=none',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
  ];
  return [
    '-T',
    '-E',
    log,
    ...request.options,
    ...ours.flatMap((option) => ['-o', option]),
    `${user}@${id}`,
    '--',
    request.command,
  ];
}
