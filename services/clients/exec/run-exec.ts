// One exec: a command in a job, run for a program, down to its answer and the exit code.
import { constants } from 'node:os';
import type { Environment } from '#shared/machine/environment.ts';
import { readSmallFile } from '#shared/signing/small-file.ts';
import { faultText } from '#shared/text/fault-text.ts';
import { jsonLineFrom } from '#shared/text/json-line.ts';
import type { Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import { pause } from '#shared/time/pause.ts';
import { type ConnectionStory, storyOf } from '../command-line/connection-event.ts';
import { findTool, missingTool } from '../tools/run-tool.ts';
import { askpassEnvironment } from './askpass.ts';
import { ExecFolder } from './exec-folder.ts';
import { type ExecOutcome, execOutcomeOf, exitCodeOf, SSH_FAILED } from './exec-outcome.ts';
import { type ExecRequest, execArguments } from './exec-request.ts';
import { SshChild } from './ssh-child.ts';

/** ssh ends before the wsproxy below it has said why: that is waited for no longer than this, in milliseconds. */
export const STORY_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 20;

export interface ExecSurroundings {
  readonly env: Environment;
  readonly clock: Clock;
  /** Takes a line for a person. */
  readonly report: (line: string) => void;
  /** Takes the answer as JSON, if that was asked for. */
  readonly print: (text: string) => void;
  /** Calls back when this process is asked to end, by the name of the signal. */
  readonly onSignal: (callback: (signal: NodeJS.Signals) => void) => void;
}

/** Resolves with the exit code. */
export async function runExec(request: ExecRequest, surroundings: ExecSurroundings): Promise<number> {
  const { clock, report, print } = surroundings;
  const startedAt = clock.now();
  const { outcome, child } = await answer(request, surroundings);
  const exitCode = exitCodeOf(outcome);
  if (!request.isJson) {
    if ('message' in outcome) report(outcome.message);
    return exitCode;
  }
  const { kind, ...rest } = outcome;
  const [stdout, stderr] = [child?.stdout.result(), child?.stderr.result()];
  const json = {
    outcome: kind,
    exitCode,
    ...('message' in rest ? rest : {}),
    stdout: stdout?.text ?? '',
    stdoutEncoding: stdout?.encoding ?? 'utf-8',
    stdoutBytes: stdout?.bytes ?? 0,
    stderr: stderr?.text ?? '',
    stderrEncoding: stderr?.encoding ?? 'utf-8',
    stderrBytes: stderr?.bytes ?? 0,
    seconds: Math.round(clock.now() - startedAt) / 1_000,
  };
  // The job says what it likes, and whoever asked may print this into the log of another one.
  print(`${jsonLineFrom(json)}\n`);
  return exitCode;
}

interface Answer {
  readonly outcome: ExecOutcome;
  /** What it said; undefined if ssh was not started. */
  readonly child?: SshChild;
}

async function answer(request: ExecRequest, surroundings: ExecSurroundings): Promise<Answer> {
  const { env } = surroundings;
  const file = findTool('ssh', env);
  if (file === undefined) return failed('no_ssh', missingTool('ssh'));
  const secret = await passwordOf(request);
  if (secret.kind === 'unreadable') return failed('fault', secret.message);
  let folder: ExecFolder | undefined;
  try {
    folder = await ExecFolder.make();
    const asking =
      secret.text === undefined
        ? {}
        : askpassEnvironment(await folder.askpass(request.self), secret.text, env);
    const args = execArguments(request, folder.files);
    return await runSsh({ request, file, args, env: { ...env, ...asking }, folder }, surroundings);
  } catch (error) {
    return failed('fault', `ssh could not be started: ${faultText(error)}`);
  } finally {
    await folder?.remove();
  }
}

function failed(reason: Extract<ExecOutcome, { kind: 'failed' }>['reason'], message: string): Answer {
  return { outcome: { kind: 'failed', reason, message } };
}

interface SshRun {
  readonly request: ExecRequest;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly folder: ExecFolder;
}

async function runSsh(
  { request, file, args, env, folder }: SshRun,
  { clock, onSignal }: ExecSurroundings,
): Promise<Answer> {
  const { timeoutMs, isJson, user, password } = request;
  const child = new SshChild({ file, args, env, keepsOutput: isJson, clock });
  let cut: ExecOutcome | undefined;
  const end = (outcome: ExecOutcome): void => {
    cut ??= outcome;
    child.end();
  };
  onSignal((signal) => end({ kind: 'interrupted', signal: constants.signals[signal] }));
  const cancel =
    timeoutMs === undefined
      ? undefined
      : clock.after(timeoutMs, () => {
          const message = `the time limit of ${formatDuration(timeoutMs)} is over`;
          end({ kind: 'timed_out', message });
        });
  const code = await child.ended;
  cancel?.();
  if (cut?.kind === 'timed_out')
    return { outcome: explained(cut, storyOf(await folder.read('events'))), child };
  if (cut !== undefined) return { outcome: cut, child };
  const story = code === SSH_FAILED ? await readStory(folder, clock) : storyOf('');
  const log = code === SSH_FAILED ? await folder.read('log') : '';
  return { outcome: execOutcomeOf({ code, log, story, user, hasPassword: password !== undefined }), child };
}

/** With what was in the way, if there never was a connection. */
function explained(
  cut: Extract<ExecOutcome, { kind: 'timed_out' }>,
  { isConnected, lastMessage }: ConnectionStory,
): ExecOutcome {
  if (isConnected || lastMessage === undefined) return cut;
  return { ...cut, message: `${cut.message}: ${lastMessage}` };
}

/** As soon as the wsproxy below ssh has ended. */
async function readStory(folder: ExecFolder, clock: Clock): Promise<ConnectionStory> {
  const until = clock.now() + STORY_WITHIN_MS;
  for (;;) {
    const story = storyOf(await folder.read('events'));
    if (story.exitCode !== undefined || clock.now() >= until) return story;
    await pause(clock, LOOK_EVERY_MS);
  }
}

async function passwordOf({
  password,
}: ExecRequest): Promise<
  | { readonly kind: 'read'; readonly text: string | undefined }
  | { readonly kind: 'unreadable'; readonly message: string }
> {
  if (password?.kind !== 'file') return { kind: 'read', text: password?.text };
  const read = await readSmallFile(password.file, 'password');
  if (read.kind === 'text') return { kind: 'read', text: read.text.replace(/\r?\n$/, '') };
  const why = read.kind === 'missing' ? 'does not exist' : read.why;
  return { kind: 'unreadable', message: `--password-file: ${password.file} ${why}` };
}
