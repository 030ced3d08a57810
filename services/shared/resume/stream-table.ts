// The table of resumable streams: the agent's end of each, found again by its id when a new transport resumes it.
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { ResumeCode } from './codes.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import type { FramedTransport } from './framed-transport.ts';
import { encodeOpened, encodeRefused, type OpenFrame } from './frames.ts';
import { FLOW_LIMITS, type FlowLimits, MAX_RESUMABLE_STREAMS } from './limits.ts';
import { type Expectation, NewTransport, type Recognized } from './new-transport.ts';
import { ResumableStream } from './resumable-stream.ts';
import type { ResumeEvent } from './resume-events.ts';

/** What a new stream is, with what the caller of `accept` knew of its first transport. */
export type StreamOrigin<Info> =
  | { readonly kind: 'plain'; readonly info: Info }
  | { readonly kind: 'resumable'; readonly streamId: string; readonly info: Info };

export interface ResumableStreamTableOptions<Info> {
  readonly clock: Clock;
  readonly resumeWindowMs: number;
  /** A new stream. Plain ones are handed on and not kept here. */
  readonly onStream: (stream: ByteStream, origin: StreamOrigin<Info>) => void;
  /** `info` is that of the transport concerned, or of the latest one if the stream has none. */
  readonly onEvent: (event: ResumeEvent, about: { readonly streamId?: string; readonly info: Info }) => void;
  readonly maxStreams?: number;
  readonly limits?: FlowLimits;
}

/** A transport that is taken. */
export interface Acceptance<Info> {
  readonly expects: Expectation;
  readonly info: Info;
  /** It is what it will be: part of a stream, or gone. Called once. */
  readonly onSettled?: () => void;
}

interface Entry<Info> {
  readonly stream: ResumableStream;
  /** Of the latest transport. */
  info: Info;
}

export class ResumableStreamTable<Info> {
  readonly #options: ResumableStreamTableOptions<Info>;
  readonly #entries = new Map<string, Entry<Info>>();
  /** Those of which nobody knows yet what they are. */
  readonly #newcomers = new Set<NewTransport>();
  #stopped: StreamEnd | undefined;
  readonly #tellEmptied: (() => void)[] = [];

  constructor(options: ResumableStreamTableOptions<Info>) {
    this.#options = options;
  }

  /** Resumable streams, and how many of them are without a transport now. */
  get counts(): { readonly streams: number; readonly detached: number } {
    const detached = [...this.#entries.values()].filter(({ stream }) => stream.state === 'detached');
    return { streams: this.#entries.size, detached: detached.length };
  }

  /** Whether the stream of this id, if there is one, is without a transport now. */
  isDetached(streamId: string): boolean {
    return this.#entries.get(streamId)?.stream.state === 'detached';
  }

  /**
   * Takes a transport, not yet attached: it becomes a stream, resumes one, or is refused. Until that is settled, or it is
   * gone, what is returned cuts it; from then on that does nothing.
   */
  accept(transport: ByteStream, { expects, info, onSettled }: Acceptance<Info>): (end: StreamEnd) => void {
    const newcomer = new NewTransport({
      clock: this.#options.clock,
      transport,
      expects,
      settled: (what) => {
        this.#newcomers.delete(newcomer);
        onSettled?.();
        this.#admit(what, info);
      },
    });
    this.#newcomers.add(newcomer);
    if (this.#stopped === undefined) newcomer.start();
    else newcomer.cut(this.#stopped);
    return (end) => newcomer.cut(end);
  }

  /** Resets every stream and refuses what still comes. May be called twice. */
  stop(end: StreamEnd): void {
    this.#stopped ??= end;
    for (const newcomer of this.#newcomers) newcomer.cut(end);
    for (const { stream } of this.#entries.values()) stream.cut(end);
  }

  /** Waits until no stream is left: they were closed, and their last bytes have still to be taken. */
  async emptied(withinMs: number): Promise<'empty' | 'timeout'> {
    if (this.#entries.size === 0) return 'empty';
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(withinMs, () => resolve('timeout'));
      this.#tellEmptied.push(() => {
        cancel();
        resolve('empty');
      });
    });
  }

  #admit(what: Recognized, info: Info): void {
    switch (what.kind) {
      case 'plain':
        return this.#options.onStream(what.stream, { kind: 'plain', info });
      case 'framed':
        return this.#open(what.transport, what.frame, info);
      case 'late':
        return this.#refuse(what.transport, 'open_timeout', info);
      case 'gone':
        return;
    }
  }

  #open(transport: FramedTransport, frame: ReceivedFrame, info: Info): void {
    if (frame.kind === 'bad') return this.#refuse(transport, frame.code, info, frame.detail);
    if (frame.kind !== 'open')
      return this.#refuse(transport, 'protocol_error', info, `${frame.kind} before open`);
    const streamId = hexOf(frame.streamId);
    const known = this.#entries.get(streamId);
    if (known !== undefined) return this.#resume(transport, frame, known, info);
    if (frame.mode === 'resume') return this.#refuse(transport, 'unknown_session', info);
    if (frame.received !== 0) return this.#refuse(transport, 'bad_offset', info, 'a new session starts at 0');
    const { maxStreams = MAX_RESUMABLE_STREAMS } = this.#options;
    if (this.#entries.size >= maxStreams) return this.#refuse(transport, 'too_many_sessions', info);
    this.#begin(transport, frame, streamId, info);
  }

  #begin(transport: FramedTransport, open: OpenFrame, streamId: string, info: Info): void {
    const { clock, resumeWindowMs, limits = FLOW_LIMITS, onEvent, onStream } = this.#options;
    const stream: ResumableStream = new ResumableStream({
      clock,
      limits,
      resumeWindowMs,
      owner: {
        event: (event) => onEvent(event, { streamId, info: entry.info }),
        detached: () => {},
        over: () => this.#forget(streamId),
      },
    });
    const entry: Entry<Info> = { stream, info };
    this.#entries.set(streamId, entry);
    this.#carry(stream, transport, open);
    onStream(stream, { kind: 'resumable', streamId, info });
  }

  #resume(transport: FramedTransport, open: OpenFrame, entry: Entry<Info>, info: Info): void {
    const { stream } = entry;
    // A client whose OPENED got lost opens again with the same id; it has sent nothing else yet.
    if (open.mode === 'new' && stream.wasHeard) return this.#refuse(transport, 'session_exists', info);
    if (!stream.covers(open.received)) return this.#refuse(transport, 'bad_offset', info, `${open.received}`);
    entry.info = info;
    this.#carry(stream, transport, open);
  }

  #carry(stream: ResumableStream, transport: FramedTransport, { version, received }: OpenFrame): void {
    const resumeWindow = version === 1 ? {} : { resumeWindowMs: this.#options.resumeWindowMs };
    transport.write(encodeOpened({ received: stream.received, ...resumeWindow }));
    stream.carry(transport, received);
  }

  #forget(streamId: string): void {
    this.#entries.delete(streamId);
    if (this.#entries.size > 0) return;
    for (const tell of this.#tellEmptied.splice(0)) tell();
  }

  #refuse(transport: FramedTransport, code: ResumeCode, info: Info, detail?: string): void {
    transport.write(encodeRefused(code));
    transport.close({ reason: 'ended', detail: code });
    this.#options.onEvent({ kind: 'refused', code, ...(detail === undefined ? {} : { detail }) }, { info });
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
