// The identity tokens of CircleCI and Buildkite: a program that is in every job asks for one, and prints it.
import type { Readable } from 'node:stream';
import { faultText } from '#shared/text/fault-text.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { ProcessEnd } from '../platform/process-end.ts';
import type { Bytes, Programs } from '../platform/programs.ts';
import type { HadToken, TokenSource } from './id-token-maker.ts';

/** How long such a program may take, in milliseconds. Both try again by themselves when their server has trouble. */
export const TOKEN_COMMAND_TIMEOUT_MS = 30_000;

/** What is read of what it prints, on each of its outputs, in bytes. */
export const MAX_TOKEN_COMMAND_BYTES = 64 * 1_024;

/** How much of its last words a person is shown, in characters. */
const SHOWN_WORDS_LENGTH = 200;

export interface TokenCommand {
  /** Of the CI system, for people. */
  readonly system: string;
  readonly program: string;
  readonly argsFor: (audience: string) => readonly string[];
}

/** CircleCI's own variables have a token for its own audience; this makes one for another. */
export const CIRCLECI: TokenCommand = {
  system: 'CircleCI',
  program: 'circleci',
  argsFor: (audience) => ['run', 'oidc', 'get', '--claims', JSON.stringify({ aud: audience })],
};

export const BUILDKITE: TokenCommand = {
  system: 'Buildkite',
  program: 'buildkite-agent',
  argsFor: (audience) => ['oidc', 'request-token', '--audience', audience],
};

export interface TokenCommandOptions {
  readonly programs: Programs;
  /** The environment of the program. */
  readonly env: Readonly<Record<string, Bytes>>;
  /** PATH, where to look for it: Windows has it in `env` by any spelling. */
  readonly path: string | undefined;
  readonly cwd: string;
  readonly clock: Clock;
}

/** Runs the program each time. */
export function commandTokenSource(command: TokenCommand, options: TokenCommandOptions): TokenSource {
  const { path = '', programs } = options;
  const { program, system } = command;
  return async (audience, signal) => {
    const file = programs.find(program, path);
    if (file === undefined) {
      const message = `${system} gives no identity token: the command ${program} is not in PATH; a container that runs inside the job needs it too`;
      return { kind: 'none', message, passes: false };
    }
    try {
      const argv = programs.argumentsFrom([program, ...command.argsFor(audience)]);
      return await run(file, argv, { command, options, signal });
    } catch (error) {
      return { kind: 'none', message: `${program} does not start: ${faultText(error)}`, passes: false };
    }
  };
}

interface Running {
  readonly command: TokenCommand;
  readonly options: TokenCommandOptions;
  readonly signal: AbortSignal;
}

async function run(
  file: string,
  argv: readonly Bytes[],
  { command: { program }, options: { programs, env, cwd, clock }, signal }: Running,
): Promise<HadToken> {
  const ended = Promise.withResolvers<ProcessEnd>();
  const start = { file, argv, env: new Map(Object.entries(env)), cwd };
  const child = programs.startPiped(start, ended.resolve);
  child.stdin.on('error', () => undefined);
  child.stdin.end();
  const kill = (): void => {
    child.signal('SIGKILL');
    // What it has started in a group of its own may keep the pipes.
    child.abandon();
  };
  let isLate = false;
  const cancel = clock.after(TOKEN_COMMAND_TIMEOUT_MS, () => {
    isLate = true;
    kill();
  });
  if (signal.aborted) kill();
  signal.addEventListener('abort', kill, { once: true });
  const [end, token, words] = await Promise.all([
    ended.promise,
    textOf(child.stdout, kill),
    textOf(child.stderr, kill),
  ]);
  cancel();
  signal.removeEventListener('abort', kill);
  const failed = (why: string, passes: boolean): HadToken => {
    return { kind: 'none', message: `${program} gave no identity token: ${why}`, passes };
  };
  if (isLate) return failed(`it did not end within ${TOKEN_COMMAND_TIMEOUT_MS / 1_000} s`, true);
  if (end.kind !== 'code' || end.code !== 0) {
    const said = new Untrusted(words.trim().split('\n').at(-1) ?? '').printable(SHOWN_WORDS_LENGTH);
    const how = end.kind === 'code' ? `it ended with ${end.code}` : 'it was ended by a signal';
    return failed(said === '' ? how : `${how} (${said})`, false);
  }
  return token.trim() === '' ? failed('it printed nothing', false) : { kind: 'token', token };
}

/** What comes until the end; whoever writes more than the limit is stopped. */
function textOf(output: Readable, stop: () => void): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  output.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_TOKEN_COMMAND_BYTES) return stop();
    chunks.push(chunk);
  });
  output.on('error', () => undefined);
  output.on('close', () => {
    resolve(Buffer.concat(chunks).toString('utf8'));
  });
  return promise;
}
