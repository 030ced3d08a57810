// The framed transport: one transport, as frames. One that was replaced is deaf: nothing of it can reach the stream.
import type { ByteChunk } from '#shared/stream/byte-chunk.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';
import { type ReceivedFrame, ResumeFrameParser } from './frame-parser.ts';
import { FRAME_HEADROOM_BYTES } from './frames.ts';

/** Whom a framed transport serves: first the handshake, then the stream. */
export interface TransportOwner {
  received(frame: ReceivedFrame): void;
  /** The transport is writable again. */
  drained(): void;
  /** The transport is gone; the last call. Never called after `close` or `cut` of this end. */
  ended(end: StreamEnd): void;
}

export class FramedTransport {
  readonly #transport: ByteStream;
  readonly #parser = new ResumeFrameParser();
  /** Until `close`, `cut` or the end of the transport; never again then. */
  #owner: TransportOwner | undefined;
  #isWritable = true;
  #isReading = false;

  constructor(transport: ByteStream) {
    this.#transport = transport;
  }

  /** False: the transport is full; data waits for `drained`. */
  get isWritable(): boolean {
    return this.#isWritable;
  }

  /** Starts reading, for `owner`. Called once; `handOver` changes the owner later. */
  start(owner: TransportOwner): void {
    this.#owner = owner;
    this.#transport.attach({
      data: (chunk) => {
        if (this.#owner === undefined) return;
        this.#parser.push(chunk);
        // A transport may deliver from within a call that `#read` made: that one gets to it in order.
        if (!this.#isReading) this.#read();
      },
      drained: () => {
        this.#isWritable = true;
        this.#owner?.drained();
      },
      ended: (end) => {
        const last = this.#owner;
        this.#owner = undefined;
        last?.ended(end);
      },
    });
  }

  /** The next frame goes to `owner`, also one that has already arrived. */
  handOver(owner: TransportOwner): void {
    if (this.#owner !== undefined) this.#owner = owner;
  }

  /**
   * Writes a frame of `frames.ts`, also if the transport is not writable (control frames are few). The frame is not altered; its
   * headroom is.
   */
  write(frame: ByteChunk): void {
    if (this.#owner === undefined) return;
    if (!this.#transport.write(frame, FRAME_HEADROOM_BYTES)) this.#isWritable = false;
  }

  /** Delivers what was written, then closes. Deaf from here. */
  close(end: StreamEnd): void {
    this.#owner = undefined;
    this.#transport.close(end);
  }

  /** Nothing after a `close`: what was written before that is still to be delivered. */
  cut(end: StreamEnd): void {
    if (this.#owner === undefined) return;
    this.#owner = undefined;
    this.#transport.cut(end);
  }

  #read(): void {
    this.#isReading = true;
    try {
      while (this.#owner !== undefined) {
        const frame = this.#parser.next();
        if (frame === undefined) return;
        this.#owner.received(frame);
        if (frame.kind === 'bad') return;
      }
    } finally {
      this.#isReading = false;
    }
  }
}
