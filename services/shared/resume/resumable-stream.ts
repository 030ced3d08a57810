// The resumable stream: a byte stream that outlives its transports; what is the same at both ends.

import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import { RESUME_CODES, type ResumeCode, resumeCodeOfCut } from './codes.ts';
import { Delivery, ENDED } from './delivery.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import { encodeAck, encodeReset } from './frames.ts';
import { ACK_AFTER_MS, type FlowLimits, STUCK_AFTER_MS } from './limits.ts';
import type { Link, LinkOwner } from './link.ts';
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

export class ResumableStream implements ByteStream {
  readonly #clock: Clock;
  readonly #limits: FlowLimits;
  #resumeWindowMs: number;
  readonly #owner: StreamOwner;
  readonly #replay: ReplayBuffer;
  readonly #delivery: Delivery;
  #carriage: Carriage = { kind: 'fresh' };
  #heard = false;
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
    this.#delivery = new Delivery(options.limits, {
      took: () => this.#acknowledge(),
      tookFin: (reader) => this.#answerFin(reader),
    });
  }

  // ── for the local side ──

  attach(sink: ByteSink): void {
    this.#delivery.attach(sink);
  }

  write(chunk: Buffer, headroom = 0): boolean {
    if (!this.#delivery.open) return true;
    this.#replay.append(chunk, headroom);
    this.#send();
    this.#owesDrained = this.#replay.full;
    return !this.#owesDrained;
  }

  pause(): void {
    this.#delivery.pause();
  }

  resume(): void {
    this.#delivery.resume();
  }

  close(end: StreamEnd): void {
    const closing = this.#delivery.open;
    this.#delivery.close(end);
    if (closing) this.#finishSending();
    this.#delivery.deliver();
  }

  cut(end: StreamEnd): void {
    this.#delivery.window.discard();
    if (this.#carriage.kind === 'over') this.#delivery.deliver();
    else this.#reset(resumeCodeOfCut(end.reason), end);
  }

  // ── for the client end and the agent end ──

  /** How many bytes arrived: what OPEN and OPENED say. */
  get received(): number {
    return this.#delivery.window.arrived;
  }

  /** Bytes held in memory for this session. */
  get heldBytes(): { readonly replay: number; readonly waiting: number } {
    return { replay: this.#replay.heldBytes, waiting: this.#delivery.window.waitingBytes };
  }

  /** Whether the local side has closed the stream: nobody there waits for anything. */
  get isLeft(): boolean {
    return !this.#delivery.open;
  }

  /** Whether the peer has ever sent a frame that belongs to the session. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Whether the peer may say that it received so many bytes. */
  covers(received: number): boolean {
    return this.#replay.covers(received);
  }

  /** From the next loss of a transport on, waits so long for another one. */
  outlive(resumeWindowMs: number): void {
    this.#resumeWindowMs = resumeWindowMs;
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
    this.#ackDue = this.#delivery.window.taken > 0;
    this.#send();
  }

  /** Ends the session from outside: refused for good, or nobody will dial any more. */
  abandon(end: StreamEnd): void {
    // After the peer's FIN was taken only its confirmation is missing: that is no loss to anybody here.
    this.#finish(this.#delivery.peer === 'taken' ? ENDED : end);
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
        // Also while another one is on its way: whether it came in time would be chance.
        if (this.#resumeWindowMs === 0) return this.#giveUp(0, { ...end, reason: 'lost' });
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
    const { peer, window } = this.#delivery;
    if (peer !== 'sending') return this.fail('protocol_error', 'data after fin');
    const verdict = window.admit(offset, bytes.length);
    if (verdict !== 'ok') return this.fail(verdict, `data at ${offset}, expected ${window.arrived}`);
    this.#delivery.data(bytes);
  }

  #receiveAck(total: number): void {
    const verdict = this.#replay.acknowledge(total);
    if (verdict === 'never_sent') return this.fail('bad_ack', `ack of ${total}`);
    if (verdict === 'backwards') return this.fail('protocol_error', `ack of ${total} after a higher one`);
    this.#send();
    this.#settle();
    if (this.#owesDrained && !this.#replay.full) {
      this.#owesDrained = false;
      this.#delivery.drained();
    }
  }

  #receiveFin(offset: number): void {
    const { peer, window } = this.#delivery;
    if (peer !== 'sending') return this.fail('protocol_error', 'a second fin');
    const verdict = window.admit(offset, 1);
    if (verdict !== 'ok') return this.fail(verdict, `fin at ${offset}, expected ${window.arrived}`);
    this.#delivery.fin();
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
    const pending = this.#delivery.window.unacknowledgedBytes;
    if (pending >= this.#limits.ackEveryBytes) this.#acknowledgeNow();
    else if (pending > 0) this.#cancelAck ??= this.#clock.after(ACK_AFTER_MS, () => this.#acknowledgeNow());
  }

  #acknowledgeNow(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    if (this.#delivery.window.unacknowledgedBytes === 0) return;
    this.#ackDue = true;
    this.#send();
  }

  #writeAck(link: Link): void {
    this.#ackDue = false;
    link.write(encodeAck(this.#delivery.window.acknowledge()));
  }

  // ── endings ──

  #answerFin(reader: 'present' | 'gone'): void {
    if (reader === 'present') {
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
    const progress = this.#replay.acked + this.#delivery.window.arrived;
    this.#cancelStall = this.#clock.after(STUCK_AFTER_MS, () => {
      const moved = this.#replay.acked + this.#delivery.window.arrived > progress;
      if (this.#carriage.kind === 'carried' && !moved) this.fail('stuck');
      else this.#watchProgress();
    });
  }

  #settle(): void {
    if (this.#delivery.peer !== 'taken' || !this.#replay.settled || this.#carriage.kind !== 'carried') return;
    const { link } = this.#carriage;
    if (this.#delivery.window.unacknowledgedBytes > 0) this.#writeAck(link);
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
      const detail = `no connection for ${formatDuration(this.#resumeWindowMs)}`;
      this.#giveUp(this.#clock.now() - since, { reason: 'lost', detail });
    });
    return { kind: 'detached', since, cancelWindow };
  }

  #giveUp(afterMs: number, end: StreamEnd): void {
    this.#owner.event({ kind: 'given_up', afterMs });
    this.abandon(end);
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
    this.#delivery.part(end);
    this.#owner.over(end);
  }
}
