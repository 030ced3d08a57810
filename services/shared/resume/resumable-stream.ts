// The resumable stream: a byte stream that outlives the transports below it. What is the same at both ends; start here.
//
//   a byte that is written    write -> ReplayBuffer -> #send -> FramedTransport ~~> the peer ~~> #receiveAck: it is forgotten
//   a byte that arrives       FramedTransport -> #receive -> ReceiveWindow -> #deliver -> the local side -> #acknowledge ~~> the peer
//
// The files in the order in which to read them. The rules are in docs/protocol.md, "The resumable stream".
//   frames, frame-parser           the flow, and each frame as bytes
//   limits, codes, resume-events   sizes and times; why something ended; what logs and counters get
//   framed-transport               one transport, as frames
//   replay-buffer                  what was written and is not acknowledged: the sender's half
//   receive-window, delivery       what arrived and is not taken, and the local side that takes it: the receiver's half
//   resumable-stream               both halves, on one transport after the other
//   client-end                     dials the transports
//   stream-table                   finds the stream that a transport belongs to: the agent's end
//   new-transport, sniffed-stream  a transport until its first frame, or until it turns out to be a plain stream
//
// The states; `carry`, `cut` and `abandon` are the calls, and `over` is said to the owner once.
//
//   state                     event                      next      action
//   fresh                     carry                      carried   opened; what was written is sent
//   carried                   carry                      carried   the older transport is closed; resumed; sends on from `received`
//   carried                   transport ends             detached  the resume window begins
//   carried                   transport ends, no window  over      given up
//   carried                   ended by an operator       over
//   carried                   both FINs are taken        over      the last ACK; finished; the transport is closed
//   carried                   RESET                      over      the transport is closed
//   carried                   a rule is broken           over      RESET with its code; the transport is closed
//   carried                   nothing moves after a FIN  over      RESET (stuck); the transport is closed
//   carried                   cut                        over      RESET (aborted); the transport is closed
//   detached                  carry                      carried   resumed; ACK; sends on from `received`
//   detached                  the window ends            over      given up
//   fresh, detached           cut                        over      nobody is told
//   fresh, carried, detached  abandon                    over      a transport is closed
//   over                      carry                      over      the transport is closed
import type { ByteChunk } from '#shared/stream/byte-chunk.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { formatDuration } from '#shared/time/duration.ts';
import { endOf, type ResumeCode, resumeCodeOfCut } from './codes.ts';
import { Delivery, ENDED, type FinReader } from './delivery.ts';
import type { ReceivedFrame } from './frame-parser.ts';
import type { FramedTransport, TransportOwner } from './framed-transport.ts';
import { encodeAck, encodeReset } from './frames.ts';
import { ACK_AFTER_MS, type FlowLimits, STUCK_AFTER_MS } from './limits.ts';
import { ReceiveWindow } from './receive-window.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import type { ResumeEvent } from './resume-events.ts';

/** The client end or the agent end: who finds the next transport, and who forgets the stream. */
export interface StreamOwner {
  event(event: ResumeEvent): void;
  /** The transport is gone. Within the resume window `carry` may be called again. */
  detached(): void;
  /** The stream is over on the wire; the local side may still be taking its last bytes. Called once. */
  over(end: StreamEnd): void;
}

export interface ResumableStreamOptions {
  readonly clock: Clock;
  readonly limits: FlowLimits;
  readonly resumeWindowMs: number;
  readonly owner: StreamOwner;
}

/** The ACK that is owed: none, one at a time to come, or one that goes before anything else once the transport is writable. */
type Ack = { readonly kind: 'none' | 'due' } | { readonly kind: 'timed'; readonly cancel: Cancel };

interface Carried {
  readonly kind: 'carried';
  readonly transport: FramedTransport;
  ack: Ack;
}

type Carriage =
  /** Never carried: the owner decides how long that may last. */
  | { readonly kind: 'fresh' }
  | Carried
  | { readonly kind: 'detached'; readonly since: number; readonly cancelWindow: Cancel }
  | { readonly kind: 'over' };

export class ResumableStream implements ByteStream {
  /** How long it waits for another transport from the next loss on, in milliseconds; a client learns it from OPENED. */
  resumeWindowMs: number;
  readonly #clock: Clock;
  readonly #limits: FlowLimits;
  readonly #owner: StreamOwner;
  readonly #replay: ReplayBuffer;
  readonly #window: ReceiveWindow;
  readonly #delivery: Delivery;
  #carriage: Carriage = { kind: 'fresh' };
  #wasHeard = false;
  #cancelStall: Cancel = () => {};

  constructor({ clock, limits, resumeWindowMs, owner }: ResumableStreamOptions) {
    this.#clock = clock;
    this.#limits = limits;
    this.#owner = owner;
    this.resumeWindowMs = resumeWindowMs;
    this.#replay = new ReplayBuffer(limits);
    this.#window = new ReceiveWindow(limits);
    this.#delivery = new Delivery(this.#window);
  }

  // ── a byte that is written ──

  /** The chunk itself is kept and sent, if there is headroom for the heads before it. */
  write(chunk: ByteChunk, headroom = 0): boolean {
    if (!this.#delivery.isOpen) return true;
    this.#replay.append(chunk, headroom);
    this.#send();
    return !this.#replay.isFull;
  }

  /** Sends what the transport takes: first what the peer waits for. */
  #send(): void {
    const carriage = this.#carriage;
    if (carriage.kind !== 'carried') return;
    const { transport, ack } = carriage;
    if (ack.kind === 'due' && transport.isWritable) this.#writeAck(carriage);
    while (transport.isWritable && this.#carriage === carriage) {
      const frame = this.#replay.next();
      if (frame === undefined) return;
      transport.write(frame);
    }
  }

  /** The peer's local side took this much: it is forgotten here, and there is room for more. */
  #receiveAck(total: number): void {
    const wasFull = this.#replay.isFull;
    const verdict = this.#replay.acknowledge(total);
    if (verdict === 'never_sent') return this.#fail('bad_ack', `ack of ${total}`);
    if (verdict === 'backwards') return this.#fail('protocol_error', `ack of ${total} after a higher one`);
    this.#send();
    this.#settle();
    if (wasFull && !this.#replay.isFull) this.#delivery.drained();
  }

  // ── a byte that arrives ──

  readonly #transportOwner: TransportOwner = {
    received: (frame) => this.#receive(frame),
    drained: () => this.#send(),
    ended: (end) => this.#lost(end),
  };

  #receive(frame: ReceivedFrame): void {
    this.#wasHeard = true;
    switch (frame.kind) {
      case 'data':
        return this.#receiveData(frame.offset, frame.bytes);
      case 'ack':
        return this.#receiveAck(frame.total);
      case 'fin':
        return this.#receiveFin(frame.offset);
      case 'reset':
        this.#owner.event({ kind: 'reset', by: 'peer', code: frame.code });
        return this.#finish(endOf(frame.code));
      case 'bad':
        return this.#fail(frame.code, frame.detail);
      case 'open':
      case 'opened':
      case 'refused':
        return this.#fail('protocol_error', `${frame.kind} within a session`);
    }
  }

  #receiveData(offset: number, bytes: ByteChunk): void {
    const window = this.#window;
    const verdict = window.admit(offset, bytes.length);
    if (verdict === 'after_fin') return this.#fail('protocol_error', 'data after fin');
    if (verdict !== 'ok') return this.#fail(verdict, `data at ${offset}, expected ${window.arrived}`);
    this.#delivery.data(bytes);
    this.#deliver();
  }

  #receiveFin(offset: number): void {
    const window = this.#window;
    const verdict = window.admit(offset, 1);
    if (verdict === 'after_fin') return this.#fail('protocol_error', 'a second fin');
    if (verdict !== 'ok') return this.#fail(verdict, `fin at ${offset}, expected ${window.arrived}`);
    window.finish();
    this.#deliver();
  }

  /** To the local side, in this order: what waits, the FIN, the end. To the peer: that it was taken. */
  #deliver(): void {
    this.#delivery.deliver();
    const reader = this.#delivery.takeFin();
    if (reader !== undefined) this.#answerFin(reader);
    this.#acknowledge('soon');
    this.#delivery.tell();
  }

  /** Owes the peer an ACK of what was taken: `soon` is at once too, if that is much. */
  #acknowledge(when: 'soon' | 'now'): void {
    const carriage = this.#carriage;
    const pending = this.#window.unacknowledgedBytes;
    if (carriage.kind !== 'carried' || pending === 0) return;
    if (when === 'now' || pending >= this.#limits.ackEveryBytes) {
      replaceAck(carriage, { kind: 'due' });
      this.#send();
    } else if (carriage.ack.kind === 'none') {
      const cancel = this.#clock.after(ACK_AFTER_MS, () => this.#acknowledge('now'));
      replaceAck(carriage, { kind: 'timed', cancel });
    }
  }

  #writeAck(carried: Carried): void {
    replaceAck(carried, { kind: 'none' });
    carried.transport.write(encodeAck(this.#window.acknowledge()));
  }

  attach(sink: ByteSink): void {
    this.#delivery.attach(sink);
    this.#deliver();
  }

  pause(): void {
    this.#delivery.pause();
  }

  resume(): void {
    this.#delivery.resume();
    this.#deliver();
  }

  // ── transports come and go ──

  /** How many bytes arrived: what OPEN and OPENED say. */
  get received(): number {
    return this.#window.arrived;
  }

  /** Whether the peer has ever sent a frame that belongs to the stream. */
  get wasHeard(): boolean {
    return this.#wasHeard;
  }

  /** Whether the peer may say that it received this many bytes. */
  covers(received: number): boolean {
    return this.#replay.covers(received);
  }

  /** Goes on over `transport`, whose handshake is done. It replaces an older one. `received` must be covered. */
  carry(transport: FramedTransport, received: number): void {
    if (this.#carriage.kind === 'over') return transport.close(ENDED);
    // The last ACK may have been lost with its transport.
    const ack: Ack = { kind: this.#window.taken > 0 ? 'due' : 'none' };
    const before = this.#enter({ kind: 'carried', transport, ack });
    if (before.kind === 'carried') before.transport.close({ reason: 'superseded' });
    const replayedBytes = this.#replay.rewind(received);
    const afterMs = before.kind === 'detached' ? this.#clock.now() - before.since : 0;
    this.#owner.event(
      before.kind === 'fresh' ? { kind: 'opened' } : { kind: 'resumed', afterMs, replayedBytes },
    );
    transport.handOver(this.#transportOwner);
    this.#send();
  }

  #lost(end: StreamEnd): void {
    // R-RESUME-27: somebody wants it to be over, and would end it again.
    if (end.reason === 'ended_by_operator') return this.#endByOperator(end);
    // Also while another transport is on its way: whether it came in time would be chance.
    if (this.resumeWindowMs === 0) return this.#giveUp(0, { ...end, reason: 'lost' });
    const since = this.#clock.now();
    const detail = `no connection for ${formatDuration(this.resumeWindowMs)}`;
    const cancelWindow = this.#clock.after(this.resumeWindowMs, () =>
      this.#giveUp(this.#clock.now() - since, { reason: 'lost', detail }),
    );
    this.#enter({ kind: 'detached', since, cancelWindow });
    this.#owner.event({ kind: 'detached', ...end });
    this.#owner.detached();
  }

  #endByOperator(end: StreamEnd): void {
    this.#owner.event({ kind: 'ended_by_operator' });
    this.abandon(end);
  }

  #giveUp(afterMs: number, end: StreamEnd): void {
    this.#owner.event({ kind: 'given_up', afterMs });
    this.abandon(end);
  }

  /** Ends the stream from outside: refused for good, or nobody will dial any more. */
  abandon(end: StreamEnd): void {
    // After the peer's FIN was taken only its confirmation is missing: that is not a loss to anybody here.
    this.#finish(this.#window.peer === 'taken' ? ENDED : end);
  }

  // ── the end, agreed ──

  close(end: StreamEnd): void {
    const wasOpen = this.#delivery.isOpen;
    this.#delivery.close(end);
    // A peer that filled the window waits for this.
    this.#acknowledge('soon');
    if (wasOpen) this.#finishSending();
    this.#deliver();
  }

  #finishSending(): void {
    if (this.#carriage.kind === 'over') return;
    this.#replay.appendFin();
    this.#watchProgress();
    this.#send();
  }

  #answerFin(reader: FinReader): void {
    if (reader === 'present') {
      this.#replay.dropUnsent();
      this.#finishSending();
    }
    this.#acknowledge('now');
    this.#settle();
  }

  /** Both directions are finished: the peer's FIN was taken here, and ours there. */
  #settle(): void {
    const carriage = this.#carriage;
    const window = this.#window;
    if (window.peer !== 'taken' || !this.#replay.isSettled || carriage.kind !== 'carried') return;
    if (window.unacknowledgedBytes > 0) this.#writeAck(carriage);
    this.#owner.event({ kind: 'finished' });
    this.#finish(ENDED);
  }

  /** A peer that neither takes the last bytes nor sends its own must not hold the stream for ever. */
  #watchProgress(): void {
    const progress = this.#replay.acked + this.received;
    this.#cancelStall = this.#clock.after(STUCK_AFTER_MS, () => {
      const hasMoved = this.#replay.acked + this.received > progress;
      if (this.#carriage.kind === 'carried' && !hasMoved) this.#fail('stuck');
      else this.#watchProgress();
    });
  }

  // ── the end, at once ──

  cut(end: StreamEnd): void {
    this.#window.discard();
    if (this.#carriage.kind === 'over') this.#deliver();
    else this.#reset(resumeCodeOfCut(end.reason), end);
  }

  /** The peer broke the protocol. */
  #fail(code: ResumeCode, detail?: string): void {
    this.#reset(code, endOf(code), detail);
  }

  #reset(code: ResumeCode, end: StreamEnd, detail?: string): void {
    if (this.#carriage.kind === 'over') return;
    if (this.#carriage.kind === 'carried') this.#carriage.transport.write(encodeReset(code));
    this.#owner.event({ kind: 'reset', by: 'us', code, ...(detail === undefined ? {} : { detail }) });
    this.#finish(end);
  }

  // ── the state ──

  get state(): Carriage['kind'] {
    return this.#carriage.kind;
  }

  /** Whether the local side has closed the stream: nobody there waits for anything. */
  get isLeft(): boolean {
    return !this.#delivery.isOpen;
  }

  /** Bytes held in memory for this stream. */
  get heldBytes(): { readonly replay: number; readonly waiting: number } {
    return { replay: this.#replay.heldBytes, waiting: this.#window.waitingBytes };
  }

  #finish(end: StreamEnd): void {
    if (this.#carriage.kind === 'over') return;
    const before = this.#enter({ kind: 'over' });
    if (before.kind === 'carried') before.transport.close(end);
    this.#cancelStall();
    this.#replay.clear();
    this.#delivery.part(end);
    this.#deliver();
    this.#owner.over(end);
  }

  /** The only place where the state changes: the timers of the one before stop. Returns that one. */
  #enter(next: Carriage): Carriage {
    const before = this.#carriage;
    if (before.kind === 'carried') replaceAck(before, { kind: 'none' });
    if (before.kind === 'detached') before.cancelWindow();
    this.#carriage = next;
    return before;
  }
}

function replaceAck(carried: Carried, ack: Ack): void {
  if (carried.ack.kind === 'timed') carried.ack.cancel();
  carried.ack = ack;
}
