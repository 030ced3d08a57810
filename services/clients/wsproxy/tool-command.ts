// `wsproxy ssh URL …` and its like: a stock program with the options that lead it into a job.
import { DEFAULT_USER, isUserName } from '#shared/commands/printed-commands.ts';
import { DEFAULT_RESUME_WINDOW_MS } from '#shared/commands/ssh-options.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { parseDuration } from '#shared/time/duration.ts';
import { type Invalid, invalid, type PrintedText, readArguments } from '../command-line/arguments.ts';
import { readDestination } from '../command-line/destination.ts';
import { IDENTITY_OPTIONS } from '../command-line/identity-options.ts';
import { type ClientUrl, commandWordOf } from '../connection/client-url.ts';
import { pastedLine } from '../tools/quoting.ts';
import { type ToolLine, toolLine } from '../tools/tool-line.ts';
import type { ToolName } from '../tools/tool-words.ts';
import { firstWord, OWN_OPTIONS, type OwnProgram, wsproxyWords } from './own-program.ts';

export interface ToolRun {
  readonly kind: 'tool';
  readonly words: Extract<ToolLine, { kind: 'line' }>['words'];
  /** True: the end of the tool is told as an event, as the wsproxy below it tells what happens before. */
  readonly isJson: boolean;
}

export interface CommandSurroundings {
  readonly env: Environment;
  readonly self: OwnProgram;
  readonly help: string;
}

interface ToolArguments extends CommandSurroundings {
  /** Without the tool's name, which stood at `from`. */
  readonly args: readonly string[];
  readonly from: number;
}

/** Up to the URL the words are wsproxy's own, those behind it the tool's. Never throws. */
export function parseToolCommand(
  tool: ToolName,
  { args, from, env, self, help }: ToolArguments,
): ToolRun | PrintedText | Invalid {
  const at = from + firstWord(args.slice(from), OWN_OPTIONS);
  const own = args.slice(0, at + 1);
  const parsed = readArguments(own, ['wait', 'user', 'resume-window', ...IDENTITY_OPTIONS], help, [
    'print',
    'json',
  ]);
  if (parsed.kind === 'invalid' && parsed.message.startsWith('there is no option'))
    return invalid(`${parsed.message}, and those of ${tool} stand behind the URL`);
  if (parsed.kind !== 'arguments') return parsed;
  const { values, positionals } = parsed;
  const [url] = positionals;
  if (url === undefined) return invalid(`the URL is missing: wsproxy ${tool} URL; --help tells more`);
  const job = readJob(tool, url, values, env);
  if (job.kind === 'invalid') return job;
  const { target, address, user, resumeWindowMs } = job;
  const isJson = values.has('json');
  const wsproxy = [...wsproxyWords(self, values), ...(isJson ? ['--json'] : []), address];
  const line = toolLine({
    tool,
    id: target.id,
    user,
    wsproxy,
    isPinned: target.pinned !== undefined,
    resumeWindowMs,
    words: args.slice(at + 1),
    platform: self.platform,
  });
  if (line.kind === 'invalid') return line;
  if (values.has('print')) return { kind: 'text', text: `${pastedLine(line.words, self.platform)}\n` };
  return { kind: 'tool', words: line.words, isJson };
}

/** Where a tool is to go, and as whom. */
export interface ToolTarget {
  readonly kind: 'job';
  readonly target: ClientUrl;
  /** The URL, fit for a ProxyCommand. */
  readonly address: string;
  readonly user: string;
  readonly resumeWindowMs: number;
}

/** Reads the URL that `tool` is given, and the options that say how it gets there. Never throws. */
export function readJob(
  tool: ToolName | 'exec',
  url: string,
  values: ReadonlyMap<string, string>,
  env: Environment,
): ToolTarget | Invalid {
  const destination = readDestination(url, values.get('wait'), env);
  if (destination.kind === 'invalid') return destination;
  const { target } = destination;
  const address = commandWordOf(target);
  if (address === undefined)
    return invalid(
      `${JSON.stringify(url)} has signs that a shell would act on; ${tool} gets URLs of A-Z a-z 0-9 . _ ~ - % : / only`,
    );
  const user = values.get('user') ?? DEFAULT_USER;
  if (!isUserName(user)) return invalid(`--user: ${JSON.stringify(user)} is no name to log in with`);
  const window = parseDuration(values.get('resume-window') ?? `${DEFAULT_RESUME_WINDOW_MS / 1_000}s`, 0);
  if (window.kind === 'invalid') return invalid(`--resume-window: ${window.fault}`);
  return { kind: 'job', target, address, user, resumeWindowMs: window.ms };
}
