// A stranger who wants the ID of somebody else's agent: claims it again and again, on every pod in reach.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClaim } from '#shared/protocol/claim.ts';
import { until } from '../time/poll.ts';
import { dialAgent, type FakeAgentOptions } from './fake-agent.ts';

/** Faster than any honest agent dials, and slow enough to leave the machine to the others; in milliseconds. */
const CLAIM_EVERY_MS = 20;

export class IdThief implements AsyncDisposable {
  readonly #id: string;
  readonly #ports: readonly number[];
  readonly #claim = createClaim();
  readonly #stopped = new AbortController();
  readonly #runs: Promise<void>[];
  /** Their links that are up. */
  readonly #links = new Set<object>();
  /** How often they were refused. */
  refusals = 0;
  /** How often they got the ID. */
  wins = 0;

  /** Starts at once. */
  constructor(id: string, ports: readonly number[], options: FakeAgentOptions = {}) {
    this.#id = id;
    this.#ports = ports;
    this.#runs = this.#ports.map((port) => this.#run(port, options));
  }

  /** True while they hold the ID on some pod. */
  get hasIt(): boolean {
    return this.#links.size > 0;
  }

  /** Resolves once they have been refused `count` times more on all pods together. */
  async refused(count = 5): Promise<void> {
    const target = this.refusals + count * this.#ports.length;
    await until(`the thief is refused, or gets it`, () => this.refusals >= target || this.wins > 0, 60_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#runs);
  }

  async #run(port: number, options: FakeAgentOptions): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const outcome = await dialAgent(port, this.#id, { claim: this.#claim, ...options });
      if (outcome.kind === 'open') {
        const { socket } = outcome;
        this.wins += 1;
        this.#links.add(socket);
        const closed = Promise.withResolvers<void>();
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#links.delete(socket);
          closed.resolve();
        });
        socket.resume();
        const leave = (): void => {
          socket.terminate();
        };
        signal.addEventListener('abort', leave, { once: true });
        if (signal.aborted) leave();
        await closed.promise;
      } else if (outcome.kind === 'refused' && outcome.status === 409) this.refusals += 1;
      await sleep(CLAIM_EVERY_MS);
    }
  }
}
