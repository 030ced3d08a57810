// A wire for tests: two byte streams joined in memory, with chunking, delays, back-pressure, cuts and black holes.
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import type { Clock } from '#shared/time/clock.ts';
import { randomFrom } from '../chance/seeded-random.ts';

export interface WirePlan {
  readonly seed: number;
  /** The largest piece that arrives at once. */
  readonly chunkBytes: number;
  readonly delayMs: number;
  /** Written and not yet arrived, above which `write` returns false. */
  readonly highWaterBytes: number;
  /** The wire fails once this many bytes have arrived in a direction. Never, if not given. */
  readonly failAfter?: { readonly towards: 'agent' | 'client'; readonly bytes: number };
  /** How the failure shows: both ends are told, each a little later, or nothing moves until the pings notice. */
  readonly failure: 'cut' | 'black_hole';
}

export const PERFECT_WIRE: WirePlan = {
  seed: 1,
  chunkBytes: 65_536,
  delayMs: 0,
  highWaterBytes: 65_536,
  failure: 'cut',
};

/** When the pings notice a black hole. */
export const PING_NOTICE_MS = 25_000;

export interface Wire {
  readonly client: WireEnd;
  readonly agent: WireEnd;
}

export function makeWire(clock: Clock, plan: WirePlan): Wire {
  const random = randomFrom(plan.seed);
  const failAt = (towards: 'agent' | 'client') =>
    plan.failAfter?.towards === towards ? plan.failAfter.bytes : Number.POSITIVE_INFINITY;
  const client = new WireEnd(clock, plan, random, failAt('client'));
  const agent = new WireEnd(clock, plan, random, failAt('agent'));
  client.peer = agent;
  agent.peer = client;
  return { client, agent };
}

/** One end. `#incoming` holds what the peer wrote and this end has not yet delivered to its sink. */
export class WireEnd implements ByteStream {
  peer: WireEnd | undefined;
  /** Everything this end was told to write, for tests that look at the bytes. */
  readonly written: Buffer[] = [];
  closedWith: StreamEnd | undefined;
  readonly #clock: Clock;
  readonly #plan: WirePlan;
  readonly #random: () => number;
  readonly #failAt: number;
  #incoming: Buffer[] = [];
  #incomingBytes = 0;
  #arrivedBytes = 0;
  #sink: ByteSink | undefined;
  #paused = false;
  #scheduled = false;
  #frozen = false;
  #peerOwedDrain = false;
  /** The end that follows the last incoming byte. */
  #incomingEnd: StreamEnd | undefined;
  #told: StreamEnd | undefined;
  #closing = false;
  #cutWith: StreamEnd | undefined;

  constructor(clock: Clock, plan: WirePlan, random: () => number, failAt: number) {
    this.#clock = clock;
    this.#plan = plan;
    this.#random = random;
    this.#failAt = failAt;
  }

  attach(sink: ByteSink): void {
    if (this.#sink !== undefined) throw new Error('attached twice');
    this.#sink = sink;
    const told = this.#told;
    if (told !== undefined) queueMicrotask(() => sink.ended(told));
    this.#schedule();
  }

  write(chunk: Buffer): boolean {
    if (this.#closing || this.#told !== undefined || this.peer === undefined) return true;
    // A copy: a frame that its owner altered later would show on the wire as it was when it was written.
    const copy = Buffer.from(chunk);
    this.written.push(copy);
    return this.peer.#receive(copy);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  close(end: StreamEnd): void {
    if (this.#closing) return;
    this.#closing = true;
    this.closedWith = end;
    this.#incoming = [];
    this.#incomingBytes = 0;
    const { peer } = this;
    if (peer !== undefined) peer.#endAfterBytes(end);
    this.#tellLater({ reason: end.reason });
  }

  cut(end: StreamEnd): void {
    this.#closing = true;
    this.closedWith ??= end;
    this.#cutWith ??= end;
    this.#incoming = [];
    this.#incomingBytes = 0;
    this.peer?.fail({ reason: 'lost' });
    this.#tellLater(end);
  }

  /** The transport goes away under this end. */
  fail(end: StreamEnd): void {
    this.#frozen = true;
    this.#tellLater(end);
  }

  /** Nothing moves any more, and nobody is told. */
  freeze(): void {
    this.#frozen = true;
  }

  #receive(chunk: Buffer): boolean {
    if (!this.#closing && this.#told === undefined) {
      this.#incoming.push(chunk);
      this.#incomingBytes += chunk.length;
      this.#schedule();
    }
    if (this.#incomingBytes < this.#plan.highWaterBytes) return true;
    this.#peerOwedDrain = true;
    return false;
  }

  #endAfterBytes(end: StreamEnd): void {
    this.#incomingEnd = end;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#told !== undefined || this.#frozen || this.#sink === undefined) return;
    this.#scheduled = true;
    this.#clock.after(Math.floor(this.#random() * (this.#plan.delayMs + 1)), () => {
      this.#scheduled = false;
      this.#step();
    });
  }

  #step(): void {
    if (this.#told !== undefined || this.#frozen || this.#paused || this.#sink === undefined) return;
    const piece = this.#takePiece();
    if (piece.length > 0) this.#sink.data(piece);
    if (this.#arrivedBytes >= this.#failAt) return this.#break();
    if (this.#peerOwedDrain && this.#incomingBytes < this.#plan.highWaterBytes) {
      this.#peerOwedDrain = false;
      const { peer } = this;
      if (peer !== undefined) peer.#drained();
    }
    if (this.#incomingBytes > 0) this.#schedule();
    else if (this.#incomingEnd !== undefined) this.#tellLater(this.#incomingEnd);
  }

  #takePiece(): Buffer {
    const wanted = 1 + Math.floor(this.#random() * this.#plan.chunkBytes);
    const allowed = Math.max(0, Math.min(wanted, this.#failAt - this.#arrivedBytes));
    const parts: Buffer[] = [];
    let size = 0;
    for (let first = this.#incoming[0]; first !== undefined && size < allowed; first = this.#incoming[0]) {
      const part = first.subarray(0, allowed - size);
      parts.push(part);
      size += part.length;
      if (part.length === first.length) this.#incoming.shift();
      else this.#incoming[0] = first.subarray(part.length);
    }
    this.#incomingBytes -= size;
    this.#arrivedBytes += size;
    return Buffer.concat(parts);
  }

  #break(): void {
    this.freeze();
    this.peer?.freeze();
    const ends = [this, this.peer];
    for (const end of ends) {
      const noticeMs = this.#plan.failure === 'cut' ? this.#random() * 200 : PING_NOTICE_MS * this.#random();
      this.#clock.after(noticeMs, () => end?.fail({ reason: 'lost' }));
    }
  }

  #drained(): void {
    if (this.#told === undefined && !this.#closing) this.#sink?.drained();
  }

  #tellLater(end: StreamEnd): void {
    this.#clock.after(this.#random() * this.#plan.delayMs, () => {
      if (this.#told !== undefined) return;
      this.#told = this.#cutWith ?? end;
      this.#sink?.ended(this.#told);
    });
  }
}
