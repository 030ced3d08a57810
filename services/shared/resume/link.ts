// The link: one transport under a session, as frames. A replaced link is deaf: nothing of it can reach the session.
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { type ReceivedFrame, ResumeFrameParser } from './frame-parser.ts';
import { FRAME_HEADROOM_BYTES } from './frames.ts';

/** Who is served by a link: first the handshake, then the session. */
export interface LinkOwner {
  received(frame: ReceivedFrame): void;
  /** The link is writable again. */
  drained(): void;
  /** The transport is gone; the last call. Never called after `close` or `cut` of this end. */
  ended(end: StreamEnd): void;
}

/** open -> (close | cut | the transport ended) -> shut, for ever. */
type LinkState = { readonly kind: 'open'; readonly owner: LinkOwner } | { readonly kind: 'shut' };

const SHUT = { kind: 'shut' } as const;

export class Link {
  readonly #transport: ByteStream;
  readonly #parser = new ResumeFrameParser();
  #state: LinkState = SHUT;
  #blocked = false;
  #reading = false;

  constructor(transport: ByteStream) {
    this.#transport = transport;
  }

  /** False: the transport is full; data waits for `drained`. */
  get writable(): boolean {
    return !this.#blocked;
  }

  /** Starts reading, for `owner`. Called once; `handOver` changes the owner later. */
  start(owner: LinkOwner): void {
    this.#state = { kind: 'open', owner };
    const sink: ByteSink = {
      data: (chunk) => this.#data(chunk),
      drained: () => {
        this.#blocked = false;
        if (this.#state.kind === 'open') this.#state.owner.drained();
      },
      ended: (end) => {
        const state = this.#state;
        this.#state = SHUT;
        if (state.kind === 'open') state.owner.ended(end);
      },
    };
    this.#transport.attach(sink);
  }

  /** The next frame goes to `owner`, also one that has already arrived. */
  handOver(owner: LinkOwner): void {
    if (this.#state.kind === 'open') this.#state = { kind: 'open', owner };
  }

  /**
   * Writes a frame of `frames.ts`, also when the link is not writable (control frames are few). The frame is not
   * altered; its headroom is.
   */
  write(frame: Buffer): void {
    if (this.#state.kind !== 'open') return;
    if (!this.#transport.write(frame, FRAME_HEADROOM_BYTES)) this.#blocked = true;
  }

  /** Delivers what was written, then closes. Deaf from here. */
  close(end: StreamEnd): void {
    this.#state = SHUT;
    this.#transport.close(end);
  }

  /** Nothing after a `close`: what was written before that is still to be delivered. */
  cut(end: StreamEnd): void {
    if (this.#state.kind === 'shut') return;
    this.#state = SHUT;
    this.#transport.cut(end);
  }

  #data(chunk: Buffer): void {
    if (this.#state.kind !== 'open') return;
    this.#parser.push(chunk);
    // A transport may deliver from within a call that this loop made: the loop gets to it in order.
    if (this.#reading) return;
    this.#reading = true;
    try {
      this.#read();
    } finally {
      this.#reading = false;
    }
  }

  #read(): void {
    for (;;) {
      const state: LinkState = this.#state;
      if (state.kind !== 'open') return;
      const frame = this.#parser.next();
      if (frame === undefined) return;
      state.owner.received(frame);
      if (frame.kind === 'bad') return;
    }
  }
}
