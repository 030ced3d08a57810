// The sink that is an HTTP endpoint: lines go there in batches, each until it is taken.
import { randomUUID } from 'node:crypto';
import type { Environment } from '#shared/machine/environment.ts';
import { requestTrusting } from '#shared/outbound/trusting-request.ts';
import { readSmallFile } from '#shared/signing/small-file.ts';
import { faultText } from '#shared/text/fault-text.ts';
import { Backoff } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import type { AuditSink, SinkEvents } from './audit-sink.ts';
import { Backlog, type Batch, type BatchLimits } from './backlog.ts';

/** What one request carries at most. */
export const ENDPOINT_BATCH: BatchLimits = { lines: 500, bytes: 256 * 1024 };

/** How long a line waits for others, in milliseconds. */
export const BATCH_LINGER_MS = 1_000;

/** How long the endpoint may take to answer, in milliseconds. */
export const ENDPOINT_ANSWER_WITHIN_MS = 10_000;

/** What a header can carry as one word. */
const TOKEN = /^[!-~]+$/;

/** Full jitter between attempts, in milliseconds. */
const BACKOFF = { firstMs: 500, maxMs: 30_000 } as const;

/** What no second attempt would change: this batch is what the endpoint does not take. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 413, 415, 422]);

export interface EndpointSinkOptions {
  readonly url: URL;
  /** Read for each request, so that a token can be replaced. */
  readonly tokenFile: string | undefined;
  /** HTTPS_PROXY and its like. */
  readonly proxies: Environment;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: SinkEvents;
  /** In tests, another than the usual bound in bytes. */
  readonly maxBacklogBytes?: number;
}

/** A batch on its way. It keeps its name however often it is sent. */
interface Shipment extends Batch {
  readonly name: string;
}

/** idle -> working -> idle; each -> closed. When idle, nothing waits. */
type State = 'idle' | 'working' | 'closed';

type Answer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'failed'; readonly detail: string }
  | { readonly kind: 'unwanted'; readonly detail: string };

/** What was answered with 2xx is with the endpoint. A batch whose answer was lost comes again, with the same name. */
export class EndpointSink implements AuditSink {
  readonly #options: EndpointSinkOptions;
  readonly #backlog: Backlog;
  readonly #backoff: Backoff;
  /** Nothing waits any more for others, and then: nothing waits any more. */
  readonly #hurry = new AbortController();
  readonly #closed = new AbortController();
  #state: State = 'idle';
  #shipment: Shipment | undefined;
  #isFailing = false;
  #whenIdle: () => void = () => undefined;

  /** Connects to nothing before there is a line. */
  constructor(options: EndpointSinkOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.maxBacklogBytes);
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  get waitingBytes(): number {
    return this.#backlog.bytes;
  }

  write(line: string): boolean {
    if (this.#state === 'closed' || !this.#backlog.push(line)) return false;
    if (this.#state === 'idle') {
      this.#state = 'working';
      void this.#work();
    }
    return true;
  }

  reopen(): void {}

  async close(withinMs: number): Promise<number> {
    this.#hurry.abort();
    if (this.#state === 'working') {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenIdle = resolve;
      await Promise.race([promise, pause(this.#options.clock, withinMs, this.#closed.signal)]);
    }
    this.#state = 'closed';
    this.#closed.abort();
    return this.#backlog.lines;
  }

  async #work(): Promise<void> {
    const { clock, events } = this.#options;
    while (this.#state === 'working' && this.#backlog.lines > 0) {
      if (this.#shipment === undefined && this.#backlog.bytes < ENDPOINT_BATCH.bytes)
        await pause(clock, BATCH_LINGER_MS, this.#hurry.signal);
      this.#shipment ??= { ...this.#backlog.first(ENDPOINT_BATCH), name: randomUUID() };
      const answer = await this.#send(this.#shipment);
      switch (answer.kind) {
        case 'taken':
          this.#leave(this.#shipment);
          if (this.#isFailing) events.onRecovered();
          this.#isFailing = false;
          break;
        case 'unwanted':
          this.#isFailing = true;
          events.onFailure(answer.detail);
          events.onLost(this.#shipment.lines);
          this.#leave(this.#shipment);
          break;
        case 'failed':
          this.#isFailing = true;
          events.onFailure(answer.detail);
          await pause(clock, this.#backoff.next(), this.#closed.signal);
      }
    }
    if (this.#state === 'working') this.#state = 'idle';
    this.#whenIdle();
  }

  #leave(shipment: Shipment): void {
    this.#shipment = undefined;
    this.#backoff.reset();
    if (this.#backlog.drop(shipment)) this.#options.events.onRoom();
  }

  async #send({ name, bytes }: Shipment): Promise<Answer> {
    const { clock, tokenFile, url } = this.#options;
    const late = new AbortController();
    const cancel = clock.after(ENDPOINT_ANSWER_WITHIN_MS, () => {
      late.abort(new Error(`no answer within ${ENDPOINT_ANSWER_WITHIN_MS / 1_000} s`));
    });
    try {
      const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
      const answer = await requestTrusting(url, {
        method: 'POST',
        signal: AbortSignal.any([late.signal, this.#closed.signal]),
        headers: {
          'content-type': 'application/x-ndjson',
          'idempotency-key': name,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: bytes,
        // An http: URL is one of this machine, and needs no proxy.
        proxies: url.protocol === 'http:' ? {} : this.#options.proxies,
      });
      const { statusCode: status = 0 } = answer;
      answer.destroy();
      if (status >= 200 && status < 300) return { kind: 'taken' };
      const kind = FINAL_STATUSES.has(status) ? 'unwanted' : 'failed';
      return { kind, detail: `the endpoint answered ${status}` };
    } catch (error) {
      return { kind: 'failed', detail: faultText(error) };
    } finally {
      cancel();
    }
  }
}

/** @throws Error for a file that has no token: what Node says of a bad header names it, and goes to the log */
async function readToken(path: string): Promise<string> {
  const file = await readSmallFile(path, 'token');
  if (file.kind !== 'text') throw new Error(`${path} ${file.kind === 'missing' ? 'is not there' : file.why}`);
  const token = file.text.trim();
  if (!TOKEN.test(token)) throw new Error(`${path} must have one line with a token, without spaces`);
  return token;
}
