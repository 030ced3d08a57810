// `wsproxy exec URL -- COMMAND…`: one command in a job, for a program that nobody watches.
import { parseDuration } from '#shared/time/duration.ts';
import { type Invalid, invalid, type PrintedText, readArguments } from '../command-line/arguments.ts';
import { IDENTITY_OPTIONS } from '../command-line/identity-options.ts';
import type { ExecRequest } from '../exec/exec-request.ts';
import { QUOTINGS, type Quoting, remoteCommand } from '../exec/remote-command.ts';
import { splitToolWords } from '../tools/tool-words.ts';
import { firstWord, OWN_OPTIONS, wsproxyWords } from './own-program.ts';
import { type CommandSurroundings, readJob } from './tool-command.ts';

const FORM = 'wsproxy exec [options] URL -- COMMAND [ARGUMENT…]';

interface ExecArguments extends CommandSurroundings {
  /** Without the word `exec`, which stood at `from`. */
  readonly args: readonly string[];
  readonly from: number;
}

/** Up to the URL the words are wsproxy's own, then ssh's, and behind `--` those of the command. Never throws. */
export function parseExecCommand({
  args,
  from,
  env,
  self,
  help,
}: ExecArguments): ExecRequest | PrintedText | Invalid {
  const at = from + firstWord(args.slice(from), OWN_OPTIONS);
  const parsed = readArguments(
    args.slice(0, at + 1),
    ['wait', 'user', 'resume-window', 'timeout', 'password-file', 'quote', ...IDENTITY_OPTIONS],
    help,
    ['json'],
  );
  if (parsed.kind === 'invalid' && parsed.message.startsWith('there is no option'))
    return invalid(`${parsed.message}, and those of ssh stand behind the URL`);
  if (parsed.kind !== 'arguments') return parsed;
  const { values, positionals } = parsed;
  const [url] = positionals;
  if (url === undefined || url === '--') return invalid(`the URL is missing: ${FORM}`);
  const rest = args.slice(at + 1);
  const end = rest.indexOf('--');
  const words = end === -1 ? [] : rest.slice(end + 1);
  if (words.length === 0) return invalid(`the command stands behind --: ${FORM}`);
  const split = splitToolWords('ssh', rest.slice(0, end));
  if (split.rest.length > 0)
    return invalid(
      `${JSON.stringify(split.rest[0])} is no option of ssh; the command stands behind --: ${FORM}`,
    );
  const job = readJob('exec', url, values, env);
  if (job.kind === 'invalid') return job;
  const { target, address, user, resumeWindowMs } = job;
  if (target.pinned === undefined)
    return invalid(
      'nobody is here to compare the host key: exec needs the URL with #SHA256:…, as the job log has it',
    );
  const limit = readLimit(values.get('timeout'));
  if (limit.kind === 'invalid') return limit;
  const quoting = readQuoting(values.get('quote'));
  if (typeof quoting !== 'string') return quoting;
  return {
    kind: 'exec',
    wsproxy: wsproxyWords(self, values),
    address,
    id: target.id,
    user,
    resumeWindowMs,
    options: split.options,
    command: remoteCommand(words, quoting),
    timeoutMs: limit.ms,
    password: passwordFrom(values.get('password-file'), env['CONVERGE_PASSWORD']),
    isJson: values.has('json'),
    self: self.words,
    platform: self.platform,
  };
}

/** `0` is none, as for timeout(1). */
function readLimit(
  text: string | undefined,
): { readonly kind: 'limit'; readonly ms: number | undefined } | Invalid {
  if (text === undefined) return { kind: 'limit', ms: undefined };
  const limit = parseDuration(text, 0);
  if (limit.kind === 'invalid') return invalid(`--timeout: ${limit.fault}`);
  return { kind: 'limit', ms: limit.ms === 0 ? undefined : limit.ms };
}

function readQuoting(text = 'sh'): Quoting | Invalid {
  const quoting = QUOTINGS.find((name) => name === text);
  return quoting ?? invalid(`--quote: ${JSON.stringify(text)} is none of ${QUOTINGS.join(', ')}`);
}

/** A file that somebody named comes before a variable that may be there for another purpose. */
function passwordFrom(file: string | undefined, variable: string | undefined): ExecRequest['password'] {
  if (file !== undefined) return { kind: 'file', file };
  return variable ? { kind: 'text', text: variable } : undefined;
}
