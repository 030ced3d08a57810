// The byte stream: what every leg of a session is, whatever carries it.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Untrusted } from '#shared/text/untrusted.ts';

/** How a stream ended: the reason, and a human sentence where there is one, of ours or of the other end. */
export interface StreamEnd {
  readonly reason: CloseReason;
  readonly detail?: string | Untrusted;
}

/** Who receives from a stream. All three are called synchronously by the stream, never after `ended`. */
export interface ByteSink {
  /**
   * Bytes in order. The receiver owns the chunk, and the `headroom` bytes (none by default) that lie before it in its
   * buffer: a header may be written there.
   */
  data(chunk: Buffer, headroom?: number): void;
  /** A `write` that returned false has been taken: go on writing. */
  drained(): void;
  /** The last call. All that was received has been given to `data` before. */
  ended(end: StreamEnd): void;
}

/**
 * Bytes both ways, paced and never dropped; there is no half-close.
 * Lifecycle: made, `attach`ed once, then any number of calls, then `ended` reaches the sink exactly once.
 */
export interface ByteStream {
  /** Bytes that wait in this process, in either direction, for somebody to take them; left out where nobody asks. */
  readonly pendingBytes?: number;
  /** Starts delivery to `sink`. Nothing is read before. A second call is a fault. */
  attach(sink: ByteSink): void;
  /**
   * Takes a chunk, which is never altered, by the stream nor by the caller. The `headroom` bytes before it in its
   * buffer are the stream's to write (as in `ByteSink.data`). False: stop until `drained`. Ignored after a close.
   */
  write(chunk: Buffer, headroom?: number): boolean;
  /** Stops `data` (what is already on its way in may still come: 128 KiB at most). May be called twice. */
  pause(): void;
  /** Lets `data` flow again. May be called twice. */
  resume(): void;
  /** Delivers what was written, then closes; incoming bytes are thrown away from here. May be called twice. */
  close(end: StreamEnd): void;
  /** Closes now; what was not yet sent is lost. May be called twice, and after `close`. */
  cut(end: StreamEnd): void;
}
