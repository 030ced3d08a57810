// The agent's commands `start`, `wait` and `stop`, as processes of this step.
import { type ChildProcess, spawn } from 'node:child_process';
import type { StepEnvironment } from './runner-protocol.ts';

/** In milliseconds: a runner kills a step 10 s after it was cancelled; this leaves the rest of them to us. */
export const STEP_FAREWELL_WITHIN_MS = 5_000;

export type CommandEnd =
  | { readonly kind: 'exited'; readonly code: number }
  /** It could not be started, or a signal ended it; in words. */
  | { readonly kind: 'broken'; readonly fault: string };

/** One agent, by the file of its program and a name that no other job of this machine has. No command rejects. */
export class AgentCommand {
  readonly #program: string;
  readonly #name: string;
  readonly #env: StepEnvironment;
  #running: ChildProcess | undefined;

  /** `env` is what the agent and its shells see. */
  constructor(program: string, name: string, env: StepEnvironment) {
    this.#program = program;
    this.#name = name;
    this.#env = env;
  }

  /** Returns when the card is printed, or the agent has given up. */
  start(options: readonly string[], url: string, env: StepEnvironment): Promise<CommandEnd> {
    return this.#run(['start', '--name', this.#name, ...options, url], env);
  }

  /** Holds this step. Ends with 0, or with what somebody said by `converge fail`. */
  wait(linger: string | undefined): Promise<CommandEnd> {
    return this.#run(['wait', '--name', this.#name, ...(linger === undefined ? [] : ['--linger', linger])]);
  }

  stop(): Promise<CommandEnd> {
    return this.#run(['stop', '--name', this.#name]);
  }

  /** Passes a signal of the runner on: those who are in are told that the job was cancelled. */
  async farewell(signal: NodeJS.Signals): Promise<void> {
    const running = this.#running;
    if (running !== undefined) {
      const ended = new Promise<void>((resolve) => {
        running.once('close', () => resolve());
        setTimeout(resolve, STEP_FAREWELL_WITHIN_MS).unref();
      });
      // On Windows a signal is a kill; the console that both have tells it there.
      if (process.platform !== 'win32') running.kill(signal);
      await ended;
      if (running.exitCode === 0) return;
    }
    await this.stop();
  }

  #run(args: readonly string[], env: StepEnvironment = {}): Promise<CommandEnd> {
    const end = new Promise<CommandEnd>((resolve) => {
      const child = spawn(this.#program, args, {
        // Its lines are the log of this step, as they come.
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...this.#env, ...env },
      });
      this.#running = child;
      child.once('error', (error) => resolve({ kind: 'broken', fault: error.message }));
      child.once('close', (code, signal) => {
        if (this.#running === child) this.#running = undefined;
        resolve(code === null ? { kind: 'broken', fault: `ended by ${signal}` } : { kind: 'exited', code });
      });
    });
    // Some faults of a start are thrown, such as a program that Windows does not take.
    return end.catch((error: Error) => ({ kind: 'broken', fault: error.message }));
  }
}

/** Of this step alone: the token of the job is among them. */
const STEP_VARIABLES = /^(INPUT_|STATE_)/;

/** What the runner gives to an action and to no `run` step. */
const ACTION_VARIABLES: ReadonlySet<string> = new Set([
  'ACTIONS_CACHE_SERVICE_V2',
  'ACTIONS_CACHE_URL',
  'ACTIONS_RESULTS_URL',
  'ACTIONS_RUNTIME_TOKEN',
  'ACTIONS_RUNTIME_URL',
]);

/** The environment that a `run` step at this place would have. */
export function environmentOfJob(env: StepEnvironment): StepEnvironment {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !STEP_VARIABLES.test(name) && !ACTION_VARIABLES.has(name)),
  );
}
