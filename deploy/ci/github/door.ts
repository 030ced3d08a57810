// The door of a job: opened by an agent in the background, held by a step that waits, and shut.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ActionInputs } from './action-inputs.ts';
import { AgentCommand, type CommandEnd, environmentOfJob } from './agent-command.ts';
import { type AgentFile, fetchAgent, isIntact } from './agent-file.ts';
import { CancelWatch, type OnCancel } from './cancel-watch.ts';
import { type CheckRun, type CheckRunTerms, completeCheckRun, showDoor } from './check-run.ts';
import type { AskGithub } from './github-api.ts';
import { DOOR_VALUES, markdownOfDoor, type OpenDoor, readOpenDoor, reminderOfDoor } from './open-door.ts';
import { admit } from './run-admission.ts';
import type { RunEvent } from './run-event.ts';
import type { RunnerProtocol, StepEnvironment } from './runner-protocol.ts';

/** In milliseconds: GitHub shows a running log from where it is when somebody opens it. */
export const REMIND_EVERY_MS = 60_000;

/** What a step of the action works with. */
export interface ActionStep {
  readonly env: StepEnvironment;
  readonly inputs: ActionInputs;
  readonly runner: RunnerProtocol;
  readonly ask: AskGithub;
  readonly event: RunEvent;
  readonly onCancel: OnCancel;
}

/** Of an agent in the background: its program, and the name by which its commands find it. */
export interface AgentPlace {
  readonly program: string;
  readonly name: string;
}

const EXIT_CODES: Readonly<Record<number, string>> = {
  2: 'it was given something that it does not take',
  3: 'the relay cannot be reached',
  4: 'the relay refused',
  5: 'the relay speaks another version',
};

/** Opens it for the rest of the job. Undefined if it stays shut; the annotation then says why. */
export async function openDoor(
  step: ActionStep,
): Promise<(AgentPlace & { readonly checkRun: CheckRun }) | undefined> {
  const ready = await readyAgent(step, undefined);
  if (ready === undefined) return undefined;
  const command = commandOf(ready, step.env);
  await using watch = new CancelWatch(command, step.onCancel);
  const door = await startAgent(step, command, ready);
  if (door === undefined || watch.isCancelled) return undefined;
  // Completed at once: nobody is there to complete it if the job is cancelled.
  const checkRun = await showCheckRun(step, door, false);
  return { program: ready.program, name: ready.name, checkRun };
}

/** Opens it and stays until it is shut. Resolves with the exit code that somebody asked for, else with 0. */
export async function holdDoor(step: ActionStep, prepared: AgentFile | undefined): Promise<number> {
  const ready = await readyAgent(step, prepared);
  if (ready === undefined) return 0;
  const command = commandOf(ready, step.env);
  await using watch = new CancelWatch(command, step.onCancel);
  const door = await startAgent(step, command, ready);
  if (door === undefined) return 0;
  const { runner, inputs } = step;
  const checkRun = await showCheckRun(step, door, true);
  const reminder = setInterval(() => runner.say(reminderOfDoor(door)), REMIND_EVERY_MS);
  const code = await waitForEnd(runner, command, watch, inputs.timeout);
  clearInterval(reminder);
  await completeCheckRun(checkRun, checkRunTerms(step));
  runner.setSummary('### This job was open for SSH\n\nIt is not any more.');
  return code;
}

/** At the end of a job that was open all the time. Resolves as `holdDoor` does. */
export async function leaveDoor(
  step: ActionStep,
  place: AgentPlace & { readonly checkRun: CheckRun },
): Promise<number> {
  const { inputs, env, runner, onCancel } = step;
  const command = commandOf(place, env);
  await using watch = new CancelWatch(command, onCancel);
  // Who looks at a job that has failed needs time to come.
  const linger = inputs.linger || (inputs.jobStatus === 'failure' ? inputs.timeout : undefined);
  const code = await waitForEnd(runner, command, watch, linger);
  await completeCheckRun(place.checkRun, checkRunTerms(step));
  return code;
}

interface ReadyAgent extends AgentPlace {
  /** Of its own, in which only this user can look. */
  readonly folder: string;
  readonly options: readonly string[];
}

/** The agent as a file, and for whom it opens; undefined, and an annotation, if it must not or cannot. */
async function readyAgent(
  step: ActionStep,
  prepared: AgentFile | undefined,
): Promise<ReadyAgent | undefined> {
  const { inputs, runner } = step;
  const admission = await admit(step);
  if (admission.kind === 'refused') return stayShut(runner, admission.reason);
  for (const note of admission.notes) runner.say(`converge: ${note}`);
  const file = await freshAgent(step, prepared);
  if (file === undefined) return undefined;
  const folder = dirname(file.path);
  const options = [...admission.options, ...optionsOf(inputs)];
  if (admission.keys.length > 0) {
    const keys = join(folder, 'authorized_keys');
    await writeFile(keys, `${admission.keys.join('\n')}\n`, { mode: 0o600 });
    options.push('--authorized-keys', keys);
  }
  // Legs of a matrix have the same names for everything, and may run on one machine.
  const name = `github-${randomBytes(8).toString('hex')}`;
  return { program: file.path, name, folder, options };
}

function commandOf({ program, name }: AgentPlace, env: StepEnvironment): AgentCommand {
  return new AgentCommand(program, name, environmentOfJob(env));
}

/** What the agent says of the open door goes to where people and later steps look. */
async function startAgent(
  { inputs, runner }: ActionStep,
  command: AgentCommand,
  { folder, options }: ReadyAgent,
): Promise<OpenDoor | undefined> {
  const output = join(folder, 'door');
  const end = await command.start(options, agentUrl(inputs.relay), {
    CONVERGE_OUTPUT: output,
    ...(inputs.notify.length === 0 ? {} : { CONVERGE_NOTIFY: inputs.notify.join('\n') }),
  });
  if (end.kind === 'broken' || end.code !== 0) return stayShut(runner, wordsOf(end));
  const door = await readOpenDoor(output);
  for (const value of DOOR_VALUES) if (door[value] !== undefined) runner.setOutput(value, door[value]);
  // The line of ssh the agent itself puts there.
  if (door.link !== undefined) runner.notice(`This job is open for SSH, and from a browser: ${door.link}`);
  runner.setSummary(`### This job is open for SSH\n\n${markdownOfDoor(door)}`);
  return door;
}

async function showCheckRun(step: ActionStep, door: OpenDoor, isHeld: boolean): Promise<CheckRun> {
  if (!step.inputs.hasCheckRun) return undefined;
  return showDoor(door, step.env['GITHUB_JOB'] ?? '', isHeld, checkRunTerms(step));
}

function checkRunTerms({ ask, event, runner }: ActionStep): CheckRunTerms {
  return { ask, event, say: (text) => runner.say(text) };
}

async function waitForEnd(
  runner: RunnerProtocol,
  command: AgentCommand,
  watch: CancelWatch,
  linger: string | undefined,
): Promise<number> {
  if (watch.isCancelled) return 0;
  const end = await command.wait(linger);
  // A step that is cancelled has its result from that.
  if (watch.isCancelled) return 0;
  if (end.kind === 'exited') return end.code;
  runner.warning(`Converge could not wait for those who are in: ${end.fault}`);
  return 0;
}

async function freshAgent(
  { env, inputs, runner }: ActionStep,
  prepared: AgentFile | undefined,
): Promise<AgentFile | undefined> {
  if (prepared !== undefined) {
    if (await isIntact(prepared)) return prepared;
    runner.say('converge: the agent that was downloaded before is not there any more; it is fetched again');
  }
  const { relay, digests } = inputs;
  const fetched = await fetchAgent({ relay, digests, temporaryFolder: env['RUNNER_TEMP'] });
  return fetched.kind === 'agent' ? fetched.agent : stayShut(runner, fetched.fault);
}

function optionsOf({ timeout, maxLifetime, identity, options }: ActionInputs): string[] {
  return [
    '--timeout',
    timeout,
    '--max-lifetime',
    maxLifetime,
    ...(identity === '' ? [] : ['--identity', identity]),
    // `--shell /bin/bash` is two words, and the second may have blanks.
    ...options.flatMap((line) => {
      const [, option = line, value] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      return value === undefined ? [option] : [option, value];
    }),
  ];
}

function agentUrl(relay: string): string {
  return `${relay.replace(/^http/, 'ws')}/agent`;
}

function stayShut(runner: RunnerProtocol, reason: string): undefined {
  runner.warning(`This job is not open for SSH: ${reason}. Its result is what it was.`);
  return undefined;
}

function wordsOf(end: CommandEnd): string {
  if (end.kind === 'broken') return `the agent does not run here (${end.fault})`;
  const meaning = EXIT_CODES[end.code];
  return `the agent ended with ${end.code}${meaning === undefined ? '' : `, since ${meaning}`}; its own words are in the log above`;
}
