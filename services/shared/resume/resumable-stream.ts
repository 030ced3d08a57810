// The resumable stream: a byte stream that outlives its transports; what is the same at both ends.
import type { Cancel, Clock } from '#shared/clock.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { RESUME_CODES, type ResumeCode, resumeCodeOfCut } from './codes.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import { encodeAck, encodeReset } from './frames.ts';
import { ACK_AFTER_MS, type FlowLimits } from './limits.ts';
import type { Link, LinkOwner } from './link.ts';
import { ReceiveWindow } from './receive-window.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import type { ResumeEvent } from './resume-events.ts';

/** The client end or the agent end: who finds the next transport, and who forgets the session. */
export interface StreamOwner {
  event(event: ResumeEvent): void;
  /** The transport is gone. Within the resume window `carry` may be called again. */
  detached(): void;
  /** The session is over on the wire; the local sink may still be taking its last bytes. Called once. */
  over(end: StreamEnd): void;
}

export interface ResumableStreamOptions {
  readonly clock: Clock;
  readonly limits: FlowLimits;
  readonly resumeWindowMs: number;
  readonly owner: StreamOwner;
}

/** fresh, then carried <-> detached, then over. */
type Carriage =
  /** Never carried: the owner decides how long that may last. */
  | { readonly kind: 'fresh' }
  | { readonly kind: 'detached'; readonly since: number; readonly cancelWindow: Cancel }
  | { readonly kind: 'carried'; readonly link: Link }
  | { readonly kind: 'over' };

/** What the local side did, or has still to be told. open -> closed -> parting -> told; any may be skipped. */
type Local =
  | { readonly kind: 'open' }
  /** It closed: what arrives has no reader. */
  | { readonly kind: 'closed'; readonly end: StreamEnd }
  /** The session is over; what waits in the window is delivered first, then `end`. */
  | { readonly kind: 'parting'; readonly end: StreamEnd }
  | { readonly kind: 'told' };

/** Whether the peer's FIN arrived, and whether all before it was taken. */
type Peer = 'sending' | 'finished' | 'taken';

const ENDED: StreamEnd = { reason: 'ended' };

export class ResumableStream implements ByteStream {
  readonly #clock: Clock;
  readonly #limits: FlowLimits;
  readonly #resumeWindowMs: number;
  readonly #owner: StreamOwner;
  readonly #replay: ReplayBuffer;
  readonly #window: ReceiveWindow;
  #carriage: Carriage = { kind: 'fresh' };
  #local: Local = { kind: 'open' };
  #peer: Peer = 'sending';
  #heard = false;
  #sink: ByteSink | undefined;
  #paused = false;
  #delivering = false;
  #owesDrained = false;
  /** An ACK waits for the link to become writable. */
  #ackDue = false;
  #cancelAck: Cancel | undefined;
  #cancelStall: Cancel | undefined;

  constructor(options: ResumableStreamOptions) {
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#resumeWindowMs = options.resumeWindowMs;
    this.#owner = options.owner;
    this.#replay = new ReplayBuffer(options.limits);
    this.#window = new ReceiveWindow(options.limits);
  }

  // ── for the local side ──

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('a resumable stream is attached once');
    this.#sink = sink;
    this.#deliver();
  }

  write(chunk: Buffer): boolean {
    if (this.#local.kind !== 'open') return true;
    this.#replay.append(chunk);
    this.#send();
    this.#owesDrained = this.#replay.full;
    return !this.#owesDrained;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  close(end: StreamEnd): void {
    if (this.#local.kind === 'parting') this.#window.discard();
    if (this.#local.kind === 'open') {
      this.#local = { kind: 'closed', end };
      this.#window.discard();
      this.#finishSending();
    }
    this.#deliver();
  }

  cut(end: StreamEnd): void {
    this.#window.discard();
    if (this.#carriage.kind !== 'over') this.#reset(resumeCodeOfCut(end.reason), end);
    else this.#deliver();
  }

  // ── for the client end and the agent end ──

  /** How many bytes arrived: what OPEN and OPENED say. */
  get received(): number {
    return this.#window.arrived;
  }

  /** Bytes held in memory for this session. */
  get heldBytes(): { readonly replay: number; readonly waiting: number } {
    return { replay: this.#replay.heldBytes, waiting: this.#window.waitingBytes };
  }

  /** Whether the local side has closed the stream: nobody there waits for anything. */
  get isLeft(): boolean {
    return this.#local.kind !== 'open';
  }

  /** Whether the peer has ever sent a frame that belongs to the session. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Whether the peer may say that it received so many bytes. */
  covers(received: number): boolean {
    return this.#replay.covers(received);
  }

  /** Goes on over `link`, whose handshake is done. It replaces an older one. `received` must be covered. */
  carry(link: Link, received: number): void {
    const before = this.#carriage;
    if (before.kind === 'over') return;
    if (before.kind === 'carried') before.link.close({ reason: 'superseded' });
    if (before.kind === 'detached') before.cancelWindow();
    this.#carriage = { kind: 'carried', link };
    const replayedBytes = this.#replay.rewind(received);
    const afterMs = before.kind === 'detached' ? this.#clock.now() - before.since : 0;
    this.#owner.event(
      before.kind === 'fresh' ? { kind: 'opened' } : { kind: 'resumed', afterMs, replayedBytes },
    );
    link.handOver(this.#linkOwner(link));
    // The last one may have been lost with its transport.
    this.#ackDue = this.#window.taken > 0;
    this.#send();
  }

  /** Ends the session from outside: refused for good, or nobody will dial any more. */
  abandon(end: StreamEnd): void {
    // After the peer's FIN was taken only its confirmation is missing: that is no loss to anybody here.
    this.#finish(this.#peer === 'taken' ? ENDED : end);
  }

  /** Resets the session: the peer broke the protocol. */
  fail(code: ResumeCode, detail?: string): void {
    const { reason, meaning } = RESUME_CODES[code];
    this.#reset(code, { reason, detail: `${meaning} (${code})` }, detail);
  }

  // ── the wire ──

  #linkOwner(link: Link): LinkOwner {
    return {
      received: (frame) => this.#receive(frame),
      drained: () => this.#send(),
      ended: (end) => {
        if (this.#carriage.kind !== 'carried' || this.#carriage.link !== link) return;
        this.#carriage = this.#waitForTransport();
        this.#owner.event({ kind: 'detached', ...end });
        this.#owner.detached();
      },
    };
  }

  #receive(frame: ReceivedFrame): void {
    this.#heard = true;
    switch (frame.kind) {
      case 'data':
        return this.#receiveData(frame.offset, frame.bytes);
      case 'ack':
        return this.#receiveAck(frame.total);
      case 'fin':
        return this.#receiveFin(frame.offset);
      case 'reset': {
        const { reason, meaning } = RESUME_CODES[frame.code];
        this.#owner.event({ kind: 'reset', by: 'peer', code: frame.code });
        return this.#finish({ reason, detail: `${meaning} (${frame.code})` });
      }
      case 'bad':
        return this.fail(frame.code, frame.detail);
      case 'open':
      case 'opened':
      case 'refused':
        return this.fail('protocol_error', `${frame.kind} within a session`);
    }
  }

  #receiveData(offset: number, bytes: Buffer): void {
    if (this.#peer !== 'sending') return this.fail('protocol_error', 'data after fin');
    const verdict = this.#window.admit(offset, bytes.length);
    if (verdict !== 'ok') return this.fail(verdict, `data at ${offset}, expected ${this.#window.arrived}`);
    const sink = this.#sink;
    if (this.#local.kind !== 'open') {
      this.#window.pass(bytes.length);
    } else if (sink === undefined || this.#paused || this.#delivering || this.#window.waitingBytes > 0) {
      this.#window.store(bytes);
    } else {
      this.#window.pass(bytes.length);
      this.#give(sink, bytes);
      // What came or happened from within that call.
      this.#deliver();
    }
    this.#acknowledge();
  }

  #receiveAck(total: number): void {
    const verdict = this.#replay.acknowledge(total);
    if (verdict === 'never_sent') return this.fail('bad_ack', `ack of ${total}`);
    if (verdict === 'backwards') return this.fail('protocol_error', `ack of ${total} after a higher one`);
    this.#send();
    this.#settle();
    if (this.#owesDrained && !this.#replay.full && this.#local.kind === 'open') {
      this.#owesDrained = false;
      this.#sink?.drained();
    }
  }

  #receiveFin(offset: number): void {
    if (this.#peer !== 'sending') return this.fail('protocol_error', 'a second fin');
    const verdict = this.#window.admit(offset, 1);
    if (verdict !== 'ok') return this.fail(verdict, `fin at ${offset}, expected ${this.#window.arrived}`);
    this.#peer = 'finished';
    this.#deliver();
  }

  /** Sends what the link takes: first what the peer waits for. */
  #send(): void {
    const carriage = this.#carriage;
    if (carriage.kind !== 'carried') return;
    const link = carriage.link;
    if (this.#ackDue && link.writable) this.#writeAck(link);
    while (link.writable && this.#carriage === carriage) {
      const frame = this.#replay.next();
      if (frame === undefined) return;
      link.write(frame);
    }
  }

  #acknowledge(): void {
    if (this.#carriage.kind === 'over') return;
    const pending = this.#window.unacknowledgedBytes;
    if (pending >= this.#limits.ackEveryBytes) this.#acknowledgeNow();
    else if (pending > 0) this.#cancelAck ??= this.#clock.after(ACK_AFTER_MS, () => this.#acknowledgeNow());
  }

  #acknowledgeNow(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    if (this.#window.unacknowledgedBytes === 0) return;
    this.#ackDue = true;
    this.#send();
  }

  #writeAck(link: Link): void {
    this.#ackDue = false;
    link.write(encodeAck(this.#window.acknowledge()));
  }

  // ── delivery and endings ──

  #give(sink: ByteSink, bytes: Buffer): void {
    this.#delivering = true;
    try {
      sink.data(bytes);
    } finally {
      this.#delivering = false;
    }
  }

  #giveWaiting(sink: ByteSink): void {
    while (!this.#paused) {
      const bytes = this.#window.take();
      if (bytes === undefined) return;
      this.#give(sink, bytes);
    }
  }

  /** Gives the local side what it can have now: waiting bytes, then the end. */
  #deliver(): void {
    const sink = this.#sink;
    if (this.#delivering) return;
    if (sink !== undefined) this.#giveWaiting(sink);
    this.#acknowledge();
    if (this.#window.waitingBytes > 0) return;
    if (this.#peer === 'finished') this.#takeFin();
    if (this.#local.kind === 'parting' && sink !== undefined) {
      const { end } = this.#local;
      this.#local = { kind: 'told' };
      sink.ended(end);
    }
  }

  #takeFin(): void {
    this.#peer = 'taken';
    this.#window.pass(1);
    if (this.#local.kind === 'open') {
      this.#local = { kind: 'parting', end: ENDED };
      this.#replay.dropUnsent();
      this.#finishSending();
    }
    this.#acknowledgeNow();
    this.#settle();
  }

  #finishSending(): void {
    if (this.#carriage.kind === 'over') return;
    this.#replay.appendFin();
    this.#send();
    this.#watchProgress();
  }

  /** A peer that neither takes the last bytes nor sends its own must not hold the session for ever. */
  #watchProgress(): void {
    const progress = this.#replay.acked + this.#window.arrived;
    this.#cancelStall = this.#clock.after(this.#resumeWindowMs, () => {
      const moved = this.#replay.acked + this.#window.arrived > progress;
      if (this.#carriage.kind === 'carried' && !moved) this.fail('stuck');
      else this.#watchProgress();
    });
  }

  #settle(): void {
    if (this.#peer !== 'taken' || !this.#replay.settled || this.#carriage.kind !== 'carried') return;
    const { link } = this.#carriage;
    if (this.#window.unacknowledgedBytes > 0) this.#writeAck(link);
    this.#owner.event({ kind: 'finished' });
    this.#finish(ENDED);
  }

  #reset(code: ResumeCode, end: StreamEnd, detail?: string): void {
    if (this.#carriage.kind === 'over') return;
    if (this.#carriage.kind === 'carried') this.#carriage.link.write(encodeReset(code));
    this.#owner.event({ kind: 'reset', by: 'us', code, ...(detail === undefined ? {} : { detail }) });
    this.#finish(end);
  }

  #waitForTransport(): Carriage {
    const since = this.#clock.now();
    const cancelWindow = this.#clock.after(this.#resumeWindowMs, () => {
      this.#owner.event({ kind: 'given_up', afterMs: this.#clock.now() - since });
      const seconds = Math.round(this.#resumeWindowMs / 1000);
      this.abandon({ reason: 'lost', detail: `no connection for ${seconds} s` });
    });
    return { kind: 'detached', since, cancelWindow };
  }

  #finish(end: StreamEnd): void {
    const before = this.#carriage;
    if (before.kind === 'over') return;
    this.#carriage = { kind: 'over' };
    if (before.kind === 'carried') before.link.close(end);
    if (before.kind === 'detached') before.cancelWindow();
    this.#cancelAck?.();
    this.#cancelStall?.();
    this.#replay.clear();
    if (this.#local.kind === 'open') this.#local = { kind: 'parting', end };
    else if (this.#local.kind === 'closed') {
      this.#local = { kind: 'parting', end: end.reason === 'ended' ? this.#local.end : end };
    }
    this.#deliver();
    this.#owner.over(end);
  }
}
