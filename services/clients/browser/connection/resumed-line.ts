// The resumed line: what carries SSH from a page to a job, over one WebSocket after the other.
import { CLOSE_REASONS } from '#shared/protocol/close-reasons.ts';
import { REFUSALS } from '#shared/protocol/refusals.ts';
import { ClientEnd, type ResumeStatus, type TransportOutcome } from '#shared/resume/client-end.ts';
import { RESUME_WINDOW_MS } from '#shared/resume/limits.ts';
import type { ResumeEvent } from '#shared/resume/resume-events.ts';
import { bytesOver } from '#shared/stream/byte-chunk.ts';
import type { StreamEnd } from '#shared/stream/byte-stream.ts';
import { shown } from '#shared/text/untrusted.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { JobUrl } from './job-url.ts';
import { dialFromPage, type PageDialOptions, type PageDialOutcome, type PageStream } from './page-dial.ts';
import { refusalSentence } from './reach.ts';

/** A relay holds a re-dial for this long while the agent finds its way back, in seconds: one answer instead of many. */
const PAGE_REDIAL_WAIT_SECONDS = 5;
/** An agent that was reached and does not open the stream is asked again for at least this time, in milliseconds. */
const PAGE_OPEN_PATIENCE_MS = 30_000;

/** What happens to the way to the agent. */
export type LineEvent =
  /** `windowMs`: for how long it is dialled again. */
  | { readonly kind: 'lost'; readonly windowMs: number }
  | { readonly kind: 'still_lost'; readonly sentence: string }
  | { readonly kind: 'resumed'; readonly afterMs: number };

export interface ResumedLineOptions {
  readonly target: JobUrl;
  /** The transport that is there. */
  readonly first: PageStream;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onEvent: (event: LineEvent) => void;
  /** In tests, in place of the network. */
  readonly dial?: (options: PageDialOptions) => Promise<PageDialOutcome>;
}

/** Whoever receives from the line; as the SSH client has it. */
export interface ResumedLineSink {
  data(chunk: Uint8Array): void;
  drained(): void;
  ended(sentence: string): void;
}

export class ResumedLine {
  readonly #options: ResumedLineOptions;
  readonly #end: ClientEnd;
  #first: PageStream | undefined;
  #carrier: PageStream | undefined;
  #ended: StreamEnd | undefined;

  constructor(options: ResumedLineOptions) {
    const { clock, random, first } = options;
    this.#options = options;
    this.#first = first;
    this.#end = new ClientEnd({
      clock,
      random,
      randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
      resumeWindowMs: RESUME_WINDOW_MS,
      openWindowMs: PAGE_OPEN_PATIENCE_MS,
      dial: (signal) => this.#dial(signal),
      onStatus: (status) => this.#tell(status),
      onEvent: (event) => this.#happened(event),
      onOver: () => undefined,
    });
  }

  /** Why it ended; undefined while it has not. */
  get ended(): StreamEnd | undefined {
    return this.#ended;
  }

  /** Whether there is a way to the agent at the moment. */
  get isCarried(): boolean {
    return this.#end.state === 'carried';
  }

  /** Grows while something moves on the WebSocket that carries it. */
  get movedBytes(): number {
    return this.#carrier?.movedBytes ?? 0;
  }

  attach(sink: ResumedLineSink): void {
    this.#end.start();
    this.#end.stream.attach({
      data: (chunk) => sink.data(chunk),
      drained: () => sink.drained(),
      ended: (end) => {
        this.#ended = end;
        sink.ended(sentenceOf(end));
      },
    });
  }

  write(chunk: Uint8Array, isRoomy: boolean): boolean {
    return this.#end.stream.write(bytesOver(chunk), isRoomy ? ROOMY_BYTES : 0);
  }

  pause(): void {
    this.#end.stream.pause();
  }

  resume(): void {
    this.#end.stream.resume();
  }

  close(): void {
    this.#end.stream.close({ reason: 'ended' });
  }

  cut(): void {
    this.#end.stream.cut({ reason: 'ended' });
  }

  /** Nobody answers on the WebSocket that carries it now: another one is dialled. */
  dropCarrier(): void {
    if (this.isCarried) this.#carrier?.cut({ reason: 'unanswered_ping' });
  }

  async #dial(signal: AbortSignal): Promise<TransportOutcome> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return this.#carriedBy(first);
    const { target, clock, dial = dialFromPage } = this.#options;
    const outcome = await dial({ target, waitSeconds: PAGE_REDIAL_WAIT_SECONDS, clock, signal });
    switch (outcome.kind) {
      case 'open':
        return this.#carriedBy(outcome.stream);
      case 'silent':
        return { kind: 'retry', detail: `${target.url.host} cannot be reached` };
      case 'refused': {
        const detail = refusalSentence(outcome.refusal);
        if (REFUSALS[outcome.refusal.code].retry) return { kind: 'retry', detail };
        return { kind: 'fatal', end: { reason: 'fault', detail } };
      }
    }
  }

  #carriedBy(transport: PageStream): TransportOutcome {
    this.#carrier = transport;
    return { kind: 'open', transport };
  }

  #tell(status: ResumeStatus): void {
    if (status.kind !== 'interrupted' && status.kind !== 'unanswered') return;
    const sentence = status.detail === undefined ? 'no way to the job at the moment' : shown(status.detail);
    this.#options.onEvent({ kind: 'still_lost', sentence });
  }

  #happened(event: ResumeEvent): void {
    if (event.kind === 'detached') {
      this.#options.onEvent({ kind: 'lost', windowMs: this.#end.resumeWindowMs });
    } else if (event.kind === 'resumed') {
      this.#options.onEvent({ kind: 'resumed', afterMs: event.afterMs });
    }
  }
}

/** Before what the packet sender marks as roomy. */
const ROOMY_BYTES = 32;

function sentenceOf({ reason, detail }: StreamEnd): string {
  return `${reason === 'lost' ? 'the way to the job was lost' : CLOSE_REASONS[reason].meaning}${
    detail === undefined ? '' : `: ${shown(detail)}`
  }`;
}
