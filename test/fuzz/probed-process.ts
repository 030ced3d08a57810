// A program under attack: what it holds, and whether it fell or said something that no input may make it say.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Holding } from './probe-program.ts';

const PROBE = join(import.meta.dirname, 'probe-program.ts');

/** Files that its programs write are no longer, in blocks of 512 bytes: a mutated offset must not fill the disk. */
const FILE_BLOCKS = 4096;

/** Of a line for the report, in characters. */
const SHOWN_CHARACTERS = 600;

/** An error line of the relay (pino: 50 is error, 60 is fatal), and the first line of a stack. */
const ALARMING =
  /"level":[56]0\b|^\s+at .+:\d+:\d+\)?$|\b(?:TypeError|RangeError|ReferenceError|AssertionError)\b/;

export interface ProbedOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of Node, before the program. */
  readonly flags?: readonly string[];
}

export class ProbedProcess implements AsyncDisposable {
  readonly name: string;
  /** What was wrong so far: how it ended, or what it said. */
  readonly faults: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #listeners = new Set<(line: string) => void>();
  #isStopping = false;

  /** Starts it at once. */
  constructor(name: string, [file, ...args]: readonly [string, ...string[]], options: ProbedOptions) {
    const { cwd, env, flags = [] } = options;
    this.name = name;
    const node = [process.execPath, '--expose-gc', '--import', PROBE, ...flags, file, ...args];
    this.#child = spawn('/bin/sh', ['-c', `ulimit -f ${FILE_BLOCKS}; exec "$@"`, 'sh', ...node], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (line) => this.#heard(line));
    }
    this.#closed = once(this.#child, 'close').then(() => {
      const { exitCode, signalCode } = this.#child;
      if (!this.#isStopping) this.faults.push(`${name} ended: ${exitCode ?? signalCode}`);
    });
  }

  /** Resolves with the first line that matches. @throws Error if it ends before it said one */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const listen = (line: string): void => {
      const match = pattern.exec(line);
      if (match !== null) resolve(match);
    };
    this.#listeners.add(listen);
    void this.#closed.then(() => reject(new Error(this.faults.join('\n'))));
    return promise.finally(() => this.#listeners.delete(listen));
  }

  /** What it holds now. @throws Error if it has ended */
  async holding(): Promise<Holding> {
    const answer = once(this.#child, 'message') as Promise<[Holding]>;
    this.#child.send('hold');
    const [holding] = await Promise.race([
      answer,
      this.#closed.then((): never => {
        throw new Error(this.faults.join('\n'));
      }),
    ]);
    return holding;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #heard(line: string): void {
    if (ALARMING.test(line)) this.faults.push(`${this.name} said: ${line.slice(0, SHOWN_CHARACTERS)}`);
    for (const listen of this.#listeners) listen(line);
  }
}
