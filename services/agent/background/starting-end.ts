// The starting end of a background agent: `agent start`, which is over when the card is said.
import { closeSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { faultText } from '#shared/text/fault-text.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { Platform } from '../platform/platform.ts';
import type { ProcessEnd } from '../platform/process-end.ts';
import type { DetachedProcess, Variables } from '../platform/programs.ts';
import { removeClaim, tidyState } from './claim.ts';
import { keepProgram, tidyPrograms } from './kept-program.ts';
import { readLastWords } from './log-follower.ts';
import { discardRunFolder, makeRunFolder, runFilesIn } from './run-folder.ts';
import { BACKGROUND_FLAG, type BackgroundPlace, parseStartWord } from './start-words.ts';

/** What the copy of the program is called. */
const PROGRAM_FILE = process.platform === 'win32' ? 'agent.exe' : 'agent';

/** What came of it. */
export type BackgroundStart =
  /** The card was said; `program` are the words that start the agent's program as long as the job's state is there. */
  | { readonly kind: 'open'; readonly program: readonly string[] }
  /** The agent ended before, and has said why. */
  | { readonly kind: 'ended'; readonly end: ProcessEnd }
  | { readonly kind: 'failed'; readonly detail: string };

export interface StartingEndOptions {
  readonly name: string;
  readonly job: string;
  /** The words of the command line, for the agent. */
  readonly words: readonly string[];
  readonly platform: Platform;
  readonly clock: Clock;
  /** The words that start this program. */
  readonly program: readonly string[];
  readonly env: Variables;
  readonly cwd: string;
  readonly uid: number | undefined;
  /** The state folders to try. */
  readonly states: readonly string[];
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
  /** Takes what ends the agent while it is starting. */
  readonly onStarted: (agent: DetachedProcess) => void;
}

/** Starts the agent of this name, and says what it says up to the card. Never throws. */
export async function startInBackground(options: StartingEndOptions): Promise<BackgroundStart> {
  const { platform, states, uid, clock, complain } = options;
  const made = await makeRunFolder(states, uid, platform.commandPlace);
  if (made.kind === 'none') {
    const detail = `no folder takes the state of an agent in the background (${made.detail}); set TMPDIR to one`;
    return { kind: 'failed', detail };
  }
  const now = clock.wallTime();
  await tidyState(made.state, now);
  tidyPrograms(made.state, now);
  // A folder that takes files may not run programs.
  const places = [made.state, ...states.filter((state) => state !== made.state)];
  const kept = await keepProgram(options.program, places, uid, PROGRAM_FILE, now);
  if (kept.kind === 'as_it_is') {
    complain(
      `leave ${options.program.join(' ')} in place as long as the job runs: no copy could be kept (${kept.detail})`,
    );
  }
  const place: BackgroundPlace = {
    name: options.name,
    job: options.job,
    state: made.state,
    run: basename(made.path),
    program: kept.words,
  };
  try {
    const start = await untilOpen(options, kept.words, place, made.log);
    if (start.kind === 'ended') {
      closeSync(made.log);
      // What it could not say by its own words, such as why its program does not start here; then its folder has no more to tell.
      for (const line of readLastWords(runFilesIn(made.path).log)) complain(line);
      removeClaim(place);
    }
    return start;
  } catch (error) {
    discardRunFolder(made);
    return { kind: 'failed', detail: `cannot start an agent in the background: ${faultText(error)}` };
  }
}

/** Nothing else keeps this process alive between the last word of an agent and its end. */
const KEEP_ALIVE_MS = 86_400_000;

/** @throws Error where the program does not start */
async function untilOpen(
  options: StartingEndOptions,
  program: readonly string[],
  place: BackgroundPlace,
  errors: number,
): Promise<BackgroundStart> {
  const { promise, resolve } = Promise.withResolvers<BackgroundStart>();
  const { programs } = options.platform;
  const [file = ''] = program;
  const words = [...program, BACKGROUND_FLAG, JSON.stringify(place), ...options.words];
  const { promise: ended, resolve: end } = Promise.withResolvers<ProcessEnd>();
  const { env, cwd } = options;
  const agent = programs.startDetached({ file, argv: programs.argumentsFrom(words), env, cwd, errors }, end);
  options.onStarted(agent);
  const lines = createInterface({ input: agent.output });
  lines.on('line', (line) => {
    const word = parseStartWord(line);
    if (word?.kind === 'line') options.print(word.text);
    if (word?.kind === 'complaint') options.complain(word.text);
    if (word?.kind === 'open') resolve({ kind: 'open', program });
  });
  // All that it said has been read by then.
  lines.once('close', () => void ended.then((how) => resolve({ kind: 'ended', end: how })));
  agent.output.on('error', () => {});
  const cancel = options.clock.after(KEEP_ALIVE_MS, () => {});
  return promise.finally(cancel);
}
