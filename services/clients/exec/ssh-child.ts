// The ssh of an exec: a process in a session of its own, without a terminal, that ends with all that it started.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Environment } from '#shared/machine/environment.ts';
import type { Clock } from '#shared/time/clock.ts';
import { KeptOutput } from './kept-output.ts';

/** Whoever is asked to end has this long for it, in milliseconds. */
export const KILL_AFTER_MS = 2_000;
/** The outputs of ssh close when the wsproxy below it has ended, too; no longer is waited for them, in milliseconds. */
export const OUTPUT_CLOSES_WITHIN_MS = 2_000;

export interface SshChildOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** True: the outputs are kept. Else they are those of this process. */
  readonly keepsOutput: boolean;
  readonly clock: Clock;
}

export class SshChild {
  readonly stdout = new KeptOutput();
  readonly stderr = new KeptOutput();
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  /** Resolves when it has ended, with the exit code as a shell has it, and its outputs were read. */
  readonly ended: Promise<number>;

  constructor({ file, args, env, keepsOutput, clock }: SshChildOptions) {
    const output = keepsOutput ? 'pipe' : 'inherit';
    const options: SpawnOptions = {
      stdio: ['inherit', output, output],
      env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
      // Without a terminal nothing can ask on one.
      detached: process.platform !== 'win32',
      windowsHide: true,
    };
    this.#clock = clock;
    this.#child = spawn(file, args, options);
    const closed = (['stdout', 'stderr'] as const).map((name) => this.#keep(name));
    this.ended = this.#end(Promise.all(closed));
  }

  /** Asks it to end, with all that it started, and ends it if it does not. */
  end(): void {
    this.#signal('SIGTERM');
    const cancel = this.#clock.after(KILL_AFTER_MS, () => this.#signal('SIGKILL'));
    this.#child.once('exit', cancel);
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === 'win32') this.#child.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // It has ended.
    }
  }

  async #keep(name: 'stdout' | 'stderr'): Promise<void> {
    const stream = this.#child[name];
    if (stream === null) return;
    this[name].read(stream);
    await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  }

  async #end(closed: Promise<unknown>): Promise<number> {
    const code = await new Promise<number>((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (status, signal) =>
        resolve(signal === null ? (status ?? 1) : 128 + (constants.signals[signal] ?? 0)),
      );
    });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(OUTPUT_CLOSES_WITHIN_MS, resolve);
    await Promise.race([closed, late]);
    cancel();
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.destroy();
    return code;
  }
}
