// wsproxy within the test's own process, so that its time can be moved.
import { PassThrough } from 'node:stream';
import { readDestination } from '../../../services/clients/command-line/destination.ts';
import { readIdentity } from '../../../services/clients/command-line/identity-options.ts';
import { runWsproxy } from '../../../services/clients/wsproxy/wsproxy.ts';
import { ManualClock } from '../time/manual-clock.ts';
import { settle, until } from '../time/poll.ts';

/** Less than any time that the program measures: a notice, a timeout, most pauses between dials. */
const STEP_MS = 50;
/** A dial is there and answered within so many turns of the event loop, however late they come. */
const TURNS_OF_A_STEP = 10;

export class ResumingClient {
  readonly clock = new ManualClock();
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  /** What the person reads. */
  readonly lines: string[] = [];
  readonly exit: Promise<number>;
  readonly #stop = new AbortController();
  #received = '';
  #code: number | undefined;

  /** Starts at once. */
  constructor(url: string) {
    const destination = readDestination(url, undefined, {});
    if (destination.kind === 'invalid') throw new Error(destination.message);
    this.output.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    this.exit = (async () => {
      this.#code = await runWsproxy({
        destination,
        identity: readIdentity(new Map(), {}),
        input: this.input,
        output: this.output,
        clock: this.clock,
        report: (line) => this.lines.push(line),
        signal: this.#stop.signal,
      });
      return this.#code;
    })();
  }

  get code(): number | undefined {
    return this.#code;
  }

  get received(): string {
    return this.#received;
  }

  /** Moves time on, step by step, until `condition` holds: what is due meets what the network brings. */
  async pass(what: string, condition: () => boolean, stepMs = STEP_MS): Promise<void> {
    await until(what, async () => {
      if (condition()) return true;
      this.clock.advance(stepMs);
      for (let turn = 0; turn < TURNS_OF_A_STEP && !condition(); turn += 1) await settle();
      return condition();
    });
  }

  /** As a signal does. */
  leave(): void {
    this.#stop.abort();
  }

  async close(): Promise<void> {
    this.leave();
    await this.pass('the client has ended', () => this.#code !== undefined);
  }
}
