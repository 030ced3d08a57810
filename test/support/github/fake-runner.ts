// GitHub's runner, as an action meets it in one job: its steps, variables and files, and what the runner makes of their log.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { parseAssignments, parseCommandLine, type RunnerCommand } from './documented-commands.ts';

export type JobStatus = 'success' | 'failure' | 'cancelled';

export interface FakeJob {
  /** The action.yml. */
  readonly action: string;
  /** Of this job alone: the runner's folders are made in it. */
  readonly folder: string;
  /** `with:` of the step. */
  readonly inputs: Readonly<Record<string, string>>;
  /** On top of what a runner sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** What started the run. */
  readonly payload?: unknown;
  /** As it is when the step is reached. */
  readonly status?: JobStatus;
}

/** Of one step, as the runner has it when the step has ended. */
export interface StepRecord {
  readonly outcome: JobStatus | 'skipped';
  readonly exitCode: number | null;
  /** What people read: commands are gone, masked words are `***`. */
  readonly log: string;
  readonly commands: readonly RunnerCommand[];
  readonly outputs: ReadonlyMap<string, string>;
  readonly summary: string;
}

interface ActionManifest {
  readonly inputs: Readonly<Record<string, { readonly required?: boolean; readonly default?: string }>>;
  readonly runs: Readonly<Record<'using' | 'main' | 'post' | 'post-if', string>>;
}

/** In milliseconds, between the signals of a cancellation (actions/runner, ProcessInvoker). */
const SIGTERM_AFTER_MS = 7_500;

export class FakeRunner {
  readonly #job: FakeJob;
  readonly #trackingId = `github_${randomUUID()}`;
  readonly #masks = new Set<string>();
  #state: ReadonlyMap<string, string> = new Map();
  #status: JobStatus;
  #running: ChildProcess | undefined;
  #isBusy = false;
  #output = '';
  #look = (): void => {};
  #steps = 0;

  constructor(job: FakeJob) {
    this.#job = job;
    this.#status = job.status ?? 'success';
  }

  /** Of the job, as steps have left it. */
  get status(): JobStatus {
    return this.#status;
  }

  /** A step of the job itself that fails. */
  failJob(): void {
    if (this.#status === 'success') this.#status = 'failure';
  }

  /** Resolves when the log of the step that runs has this. */
  async see(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#output)) {
      if (!this.#isBusy) throw new Error(`never came: ${pattern}\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  /** What the step that runs, or the last one, has said so far, commands and all. */
  get output(): string {
    return this.#output;
  }

  /** Where the job works. */
  get workspace(): string {
    return join(this.#job.folder, 'work');
  }

  /** Somebody cancels the job: every step whose condition is false then is told by signals. */
  cancel(): void {
    this.#status = 'cancelled';
    const running = this.#running;
    running?.kill('SIGINT');
    const timer = setTimeout(() => running?.kill('SIGTERM'), SIGTERM_AFTER_MS);
    running?.once('close', () => clearTimeout(timer));
  }

  runMain(): Promise<StepRecord> {
    return this.#busyWith(async () => {
      const { runs } = await this.#manifest();
      return this.#run(runs.main);
    });
  }

  /** Of an action whose main step ran. */
  runPost(): Promise<StepRecord> {
    return this.#busyWith(async () => {
      const { runs } = await this.#manifest();
      const meets = runs['post-if'].split(' || ').some((part) => {
        if (part !== 'success()' && part !== 'failure()') throw new Error(`what is ${part}?`);
        return this.#status === part.slice(0, -2);
      });
      return meets ? this.#run(runs.post) : { ...NOTHING, outcome: 'skipped' };
    });
  }

  async #busyWith(step: () => Promise<StepRecord>): Promise<StepRecord> {
    this.#isBusy = true;
    this.#output = '';
    try {
      return await step();
    } finally {
      this.#isBusy = false;
      this.#look();
    }
  }

  /** The job is over: what its steps have left behind is killed, by RUNNER_TRACKING_ID, as on Linux. Resolves with the number. */
  async endJob(): Promise<number> {
    let killed = 0;
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const variables = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!variables.split('\0').includes(`RUNNER_TRACKING_ID=${this.#trackingId}`)) continue;
      killed += 1;
      process.kill(Number(pid), 'SIGKILL');
    }
    return killed;
  }

  async #manifest(): Promise<ActionManifest> {
    const manifest = parse(await readFile(this.#job.action, 'utf8')) as ActionManifest;
    if (manifest.runs.using !== 'node24') throw new Error(`what is ${manifest.runs.using}?`);
    return manifest;
  }

  async #run(entry: string): Promise<StepRecord> {
    this.#steps += 1;
    const folder = join(this.#job.folder, `step-${this.#steps}`);
    const files = {
      GITHUB_OUTPUT: join(folder, 'output'),
      GITHUB_STATE: join(folder, 'state'),
      GITHUB_ENV: join(folder, 'env'),
      GITHUB_PATH: join(folder, 'path'),
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    };
    await mkdir(folder, { recursive: true });
    for (const file of Object.values(files)) await writeFile(file, '');
    const env = { ...(await this.#environment()), ...files };
    const child = spawn(process.execPath, [join(dirname(this.#job.action), entry)], {
      cwd: this.workspace,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#look();
      });
    const [exitCode] = (await once(child, 'close')) as [number | null];
    this.#running = undefined;
    const read = (name: keyof typeof files): Promise<string> => readFile(files[name], 'utf8');
    if ((await read('GITHUB_ENV')) !== '' || (await read('GITHUB_PATH')) !== '')
      throw new Error('it changes the steps behind it');
    this.#state = new Map([...this.#state, ...parseAssignments(await read('GITHUB_STATE'))]);
    const { commands, log } = this.#readLog(this.#output);
    const outcome = this.#status === 'cancelled' ? 'cancelled' : exitCode === 0 ? 'success' : 'failure';
    if (outcome === 'failure') this.failJob();
    const outputs = parseAssignments(await read('GITHUB_OUTPUT'));
    return {
      outcome,
      exitCode,
      log,
      commands,
      outputs,
      summary: this.#mask(await read('GITHUB_STEP_SUMMARY')),
    };
  }

  async #environment(): Promise<Record<string, string>> {
    const { folder, inputs, env, payload } = this.#job;
    const temporary = join(folder, 'temp');
    const event = join(temporary, 'event.json');
    for (const path of [this.workspace, temporary]) await mkdir(path, { recursive: true });
    // Once: steps of the job can write there.
    if (this.#steps === 1)
      await writeFile(event, JSON.stringify(payload ?? { repository: { private: true } }));
    return {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: folder,
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'octocat',
      GITHUB_TRIGGERING_ACTOR: 'octocat',
      GITHUB_REPOSITORY: 'octo/hello',
      GITHUB_SHA: 'f'.repeat(40),
      GITHUB_JOB: 'build',
      GITHUB_RUN_ID: '1',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_EVENT_NAME: 'push',
      GITHUB_EVENT_PATH: event,
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_WORKSPACE: this.workspace,
      RUNNER_TEMP: temporary,
      RUNNER_OS: 'Linux',
      RUNNER_TRACKING_ID: this.#trackingId,
      ACTIONS_RUNTIME_TOKEN: 'runtime-token',
      ACTIONS_RUNTIME_URL: 'https://runtime.invalid/',
      ...env,
      ...(await this.#inputVariables(inputs)),
      ...Object.fromEntries([...this.#state].map(([name, value]) => [`STATE_${name}`, value])),
    };
  }

  /** Defaults are evaluated anew at each step, the last one included. */
  async #inputVariables(given: Readonly<Record<string, string>>): Promise<Record<string, string>> {
    const { inputs } = await this.#manifest();
    for (const name of Object.keys(given)) if (!(name in inputs)) throw new Error(`no such input: ${name}`);
    const contexts: Readonly<Record<string, string>> = {
      'github.token': 'job-token',
      'job.status': this.#status,
    };
    return Object.fromEntries(
      Object.entries(inputs).map(([name, { default: fallback = '' }]) => {
        const value = (given[name] ?? fallback).replace(/\$\{\{ *([\w.]+) *\}\}/g, (_, path: string) => {
          const found = contexts[path];
          if (found === undefined) throw new Error(`what is ${path}?`);
          return found;
        });
        return [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value];
      }),
    );
  }

  #readLog(output: string): { readonly commands: RunnerCommand[]; readonly log: string } {
    const commands: RunnerCommand[] = [];
    const lines: string[] = [];
    let endToken: string | undefined;
    for (const line of output.split('\n')) {
      if (endToken !== undefined) {
        if (line.trim() === `::${endToken}::`) endToken = undefined;
        else lines.push(line);
        continue;
      }
      const command = parseCommandLine(line);
      if (command === undefined) lines.push(line);
      else {
        commands.push(command);
        if (command.name === 'stop-commands') endToken = command.data;
        if (command.name === 'add-mask') this.#masks.add(command.data);
      }
    }
    return { commands, log: this.#mask(lines.join('\n')) };
  }

  #mask(text: string): string {
    let masked = text;
    for (const word of this.#masks) masked = masked.replaceAll(word, '***');
    return masked;
  }
}

const NOTHING = {
  exitCode: null,
  log: '',
  commands: [],
  outputs: new Map<string, string>(),
  summary: '',
} as const;
