// A program under development: runs from its sources, line by line on the screen, and is started again on request.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface DevProgramOptions {
  readonly name: string;
  readonly cwd: string;
  /** Node's arguments, asked for at each start. */
  readonly command: () => readonly string[];
  readonly environment?: () => NodeJS.ProcessEnv;
  /** Ends it. What it leaves behind is its own business. */
  readonly endSignal: NodeJS.Signals;
  /** Whether an end on its own, with this exit code, is followed by another start. */
  readonly isRestarted: (code: number | null) => boolean;
  readonly show: (line: string) => void;
}

type State =
  | { readonly kind: 'down' }
  | { readonly kind: 'up'; readonly child: ChildProcess }
  | { readonly kind: 'ending'; readonly gone: Promise<unknown> };

export class DevProgram {
  readonly #options: DevProgramOptions;
  #state: State = { kind: 'down' };

  constructor(options: DevProgramOptions) {
    this.#options = options;
  }

  /** Nothing happens to one that runs. */
  start(): void {
    if (this.#state.kind !== 'down') return;
    const { cwd, command, environment, show } = this.#options;
    const child = spawn(process.execPath, command(), {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment?.() },
    });
    this.#state = { kind: 'up', child };
    for (const output of [child.stdout, child.stderr]) createInterface(output).on('line', show);
    child.once('close', (code) => this.#onEnd(child, code));
  }

  async restart(): Promise<void> {
    await this.end();
    this.start();
  }

  /** Resolves when it is gone; may be called twice. */
  async end(): Promise<void> {
    if (this.#state.kind === 'up') {
      const { child } = this.#state;
      const gone = once(child, 'close');
      child.kill(this.#options.endSignal);
      this.#state = { kind: 'ending', gone };
    }
    if (this.#state.kind === 'ending') await this.#state.gone;
    this.#state = { kind: 'down' };
  }

  #onEnd(child: ChildProcess, code: number | null): void {
    if (this.#state.kind !== 'up' || this.#state.child !== child) return;
    this.#state = { kind: 'down' };
    const { name, isRestarted } = this.#options;
    if (isRestarted(code)) this.start();
    else console.log(`dev   | ${name} ended with ${code}; it is started again when its sources change`);
  }
}
