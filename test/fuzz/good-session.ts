// The good session: OpenSSH's ssh through wsproxy, relay and agent, whose bytes all come back while others attack.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, commandOf } from '../support/process/client-program.ts';

/** A key press, a line, a screen, and more than any buffer on the way. */
const SIZES = [1, 80, 4096, 300 * 1024];
const PAUSE_MS = 50;
/** A session that shows nothing for this long has noticed, in milliseconds: the machine may be busy, the resume window is longer. */
const SILENCE_MS = 20_000;

export interface GoodSessionOptions {
  readonly clientUrl: string;
  readonly keyFile: string;
}

export class GoodSession implements AsyncDisposable {
  /** What it noticed; empty as it should be. */
  readonly faults: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #finished: Promise<void>;
  #errors = '';
  #bytes = 0;
  #slowestMs = 0;
  #isStopping = false;
  readonly #pending: Buffer[] = [];
  #heard: () => void = () => undefined;

  /** Starts at once. */
  constructor({ clientUrl, keyFile }: GoodSessionOptions) {
    const options = [
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      `ProxyCommand=${commandOf('wsproxy')} '${clientUrl}'`,
    ].flatMap((option) => ['-o', option]);
    this.#child = spawn('ssh', ['-F', 'none', '-T', '-i', keyFile, ...options, 'abc@job', 'cat'], {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-2_000);
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#pending.push(chunk);
      this.#heard();
    });
    this.#closed = once(this.#child, 'close').then(() => {
      if (!this.#isStopping) this.faults.push(`the good session ended: ${this.#errors}`);
      this.#heard();
    });
    this.#finished = this.#run();
  }

  /** One line for a person. */
  get summary(): string {
    return `${this.#bytes} bytes sent and come back as they were, the slowest within ${this.#slowestMs.toFixed(0)} ms`;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Finishes what is under way, and looks at it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await this.#finished;
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#isStopping && this.faults.length === 0; round += 1) {
      await this.#exchange(randomBytes(SIZES[round % SIZES.length] ?? 1));
      await sleep(PAUSE_MS);
    }
  }

  async #exchange(sent: Buffer): Promise<void> {
    const began = performance.now();
    this.#child.stdin?.write(sent);
    let got: Buffer = Buffer.alloc(0);
    while (got.length < sent.length && this.faults.length === 0) {
      if (this.#pending.length === 0) await this.#sound();
      got = Buffer.concat([got, ...this.#pending.splice(0)]);
    }
    if (this.faults.length > 0) return;
    if (!got.equals(sent))
      this.faults.push(`the good session got other bytes than it sent (${sent.length} bytes)`);
    this.#bytes += sent.length;
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - began);
  }

  async #sound(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#heard = resolve;
    const timer = setTimeout(() => {
      this.faults.push(`the good session heard nothing for ${SILENCE_MS / 1_000} s: ${this.#errors}`);
      resolve();
    }, SILENCE_MS);
    await promise;
    clearTimeout(timer);
  }
}
