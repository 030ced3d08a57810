// A process of an end-to-end test: what it says is kept, and it dies with all that it started.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Nothing here takes this long unless it never comes; two busy cores included. */
const SEEN_WITHIN_MS = 60_000;

/** What a process said, cut from the front: enough to explain a failure. */
const KEPT_CHARACTERS = 200_000;
/** Of that, what a report shows of each process: the end tells most. */
const SHOWN_CHARACTERS = 2_000;

export interface ProcessOptions {
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Descriptors of open files in the place of pipes, for more bytes than a test should hold. */
  readonly stdin?: number;
  readonly stdout?: number;
  readonly uid?: number | undefined;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Groups that are alive. Should the test's own process end in the middle of a test, they end with it. */
const groups = new Set<number>();
process.once('exit', () => {
  for (const group of groups) killGroup(group, 'SIGKILL');
});

/** Started by `startProcess`, in a process group of its own. */
export class E2eProcess {
  readonly name: string;
  readonly child: ChildProcess;
  /** Resolves when it has ended and all of its output was read. Never rejects. */
  readonly exited: Promise<ProcessExit>;
  #output = '';
  #stdout = '';
  #stderr = '';
  #exit: ProcessExit | undefined;
  /** Of those who wait for words of it: tests of one file share processes. */
  readonly #looks = new Set<() => void>();

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    const group = child.pid;
    if (group !== undefined) groups.add(group);
    child.stdin?.on('error', () => undefined);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = kept(this.#stdout + text);
      this.#said(text);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = kept(this.#stderr + text);
      this.#said(text);
    });
    this.exited = (async () => {
      try {
        await once(child, 'close');
      } catch (error) {
        this.#said(String(error));
      }
      if (group !== undefined) groups.delete(group);
      this.#exit = { code: child.exitCode, signal: child.signalCode };
      this.#look();
      return this.#exit;
    })();
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** For the report of a failure. */
  get transcript(): string {
    const exit = this.#exit;
    const state = exit === undefined ? 'running' : `ended: ${exit.code ?? exit.signal}`;
    return `--- ${this.name} (${state})\n${this.#output.slice(-SHOWN_CHARACTERS)}`;
  }

  /** Waits until what it said matches; many may wait at once. Fails at the deadline, or as soon as it ends without having said it. */
  async see(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const fail = (how: string): void => {
      reject(new Error(`${this.name} ${how} before it said ${pattern}:\n${this.#output}`));
    };
    const deadline = setTimeout(() => fail('took too long'), SEEN_WITHIN_MS);
    const look = (): void => {
      const match = pattern.exec(this.#output);
      if (match !== null) resolve(match);
      else if (this.#exit !== undefined) fail('ended');
    };
    this.#looks.add(look);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(deadline);
      this.#looks.delete(look);
    }
  }

  /** Sends a signal to it and to what it started in its group. */
  kill(signal: NodeJS.Signals): void {
    if (this.isRunning && this.child.pid !== undefined) killGroup(this.child.pid, signal);
  }

  #look(): void {
    for (const look of this.#looks) look();
  }

  #said(text: string): void {
    this.#output = kept(this.#output + text);
    this.#look();
  }
}

export type Command = readonly [string, ...string[]];

/** `command` behind what says where it runs, such as `taskset -c 0`. */
export function prefixed(prefix: readonly string[], [file, ...args]: Command): Command {
  const [first = file, ...rest] = [...prefix, file, ...args];
  return [first, ...rest];
}

/** Starts a program in a group of its own. Whoever starts it kills it. */
export function startProcess(
  name: string,
  [file, ...args]: Command,
  { cwd, env, stdin, stdout, uid }: ProcessOptions,
): E2eProcess {
  const child = spawn(file, args, {
    cwd,
    env,
    stdio: [stdin ?? 'pipe', stdout ?? 'pipe', 'pipe'],
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  return new E2eProcess(name, child);
}

function kept(text: string): string {
  return text.length > KEPT_CHARACTERS ? text.slice(-KEPT_CHARACTERS) : text;
}

function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // ESRCH: all of it ended in between.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
