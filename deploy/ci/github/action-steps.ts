// The two steps of the action: at its place in the job, and at the job's end; what each does in each mode.
import { readInputs } from './action-inputs.ts';
import { fetchAgent } from './agent-file.ts';
import { type ActionStep, holdDoor, leaveDoor, openDoor } from './door.ts';
import { openGithubApi } from './github-api.ts';
import { useProxyOf } from './proxy.ts';
import { type RunEvent, readRunEvent, trustOf } from './run-event.ts';
import { RunnerProtocol, type StepEnvironment } from './runner-protocol.ts';
import { readState, STATE_NAME, type StepState } from './step-state.ts';

/** What comes from the process. */
export interface StepProcess {
  readonly env: StepEnvironment;
  readonly write: (text: string) => void;
  readonly onCancel: ActionStep['onCancel'];
}

/** At its place. Resolves with the exit code of the step. */
export async function runMainStep(process: StepProcess): Promise<number> {
  const step = beginStep(process, undefined);
  if (step === undefined) return 0;
  const { mode, jobStatus } = step.inputs;
  if (mode === 'background') {
    saveState(step, await openInBackground(step));
    return 0;
  }
  // A step that runs only if the job has failed means to hold it here, before the steps behind it.
  if (mode === 'on-failure' && jobStatus === 'failure') {
    saveState(step, { kind: 'done' });
    return holdDoor(step, undefined);
  }
  saveState(step, await prepare(step));
  return 0;
}

/** At the end of the job. Resolves with the exit code of the step. */
export async function runPostStep(process: StepProcess): Promise<number> {
  const state = readState(process.env);
  if (state.kind === 'done') return 0;
  const step = beginStep(process, state.event);
  if (step === undefined) return 0;
  if (state.kind === 'open') return leaveDoor(step, state);
  const { mode, jobStatus } = step.inputs;
  return mode === 'always' || jobStatus === 'failure' ? holdDoor(step, state.agent) : 0;
}

/** What goes wrong with us is an annotation, and nothing else. */
export async function runHarmless(
  process: StepProcess,
  run: (process: StepProcess) => Promise<number>,
): Promise<number> {
  try {
    return await run(process);
  } catch (error) {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    new RunnerProtocol(process.env, process.write).warning(
      `This job is not open for SSH, by a fault of the action: ${words}`,
    );
    return 0;
  }
}

/** Undefined if the inputs are no good; that was said then. `event`: as it was at the first step. */
function beginStep(
  { env, write, onCancel }: StepProcess,
  event: RunEvent | undefined,
): ActionStep | undefined {
  const runner = new RunnerProtocol(env, write);
  const read = readInputs(env);
  if (read.kind === 'faults') {
    for (const fault of read.faults) runner.warning(`This job cannot be opened for SSH: ${fault}`);
    return undefined;
  }
  const { inputs } = read;
  // They are secrets also where they were not written as such; of a webhook the URL is, with a preset before it or without.
  const webhooks = inputs.notify.map((target) => target.replace(/^\w+:(?=https?:)/i, ''));
  for (const secret of [inputs.token, ...webhooks]) runner.mask(secret);
  const fault = useProxyOf(env);
  if (fault !== undefined) runner.say(`converge: ${fault}`);
  const ask = openGithubApi(env, inputs.token);
  return { env, inputs, runner, ask, event: event ?? readRunEvent(env), onCancel };
}

async function openInBackground(step: ActionStep): Promise<StepState> {
  const opened = await openDoor(step);
  return opened === undefined ? { kind: 'done' } : { kind: 'open', event: step.event, ...opened };
}

/** A broken job may have no network and no room left. */
async function prepare({ env, inputs, runner, event }: ActionStep): Promise<StepState> {
  const { relay, digests, allowsUntrusted } = inputs;
  const isHopeless = !allowsUntrusted && trustOf(event).kind === 'untrusted';
  if (!inputs.isPrepared || isHopeless) return { kind: 'prepared', event, agent: undefined };
  const fetched = await fetchAgent({ relay, digests, temporaryFolder: env['RUNNER_TEMP'] });
  if (fetched.kind === 'agent') {
    runner.say(`converge: ready (${relay}); this job is opened for SSH at its end, if it comes to that`);
    return { kind: 'prepared', event, agent: fetched.agent };
  }
  // No annotation: most jobs never need it, and the step at the end tries again.
  runner.say(`converge: ${fetched.fault}; this is tried again at the end of the job, if it comes to that`);
  return { kind: 'prepared', event, agent: undefined };
}

function saveState({ runner }: ActionStep, state: StepState): void {
  runner.saveState(STATE_NAME, JSON.stringify(state));
}
