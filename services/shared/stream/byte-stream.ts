// The byte stream: what every leg of a session is, whatever carries it. Interface and written contract.
//
// B1  Nothing is delivered before `attach`, and nothing is lost by that: what the peer sent before comes first. A write
//     before it counts.
// B2  A stream is attached once: a second `attach` throws, whatever has happened since.
// B3  Bytes travel both ways, each once and in order. How they are cut into chunks means nothing on either side.
// B4  A chunk given to `write` may be kept by the stream: nobody alters it any more. The stream may write into the
//     `headroom` bytes before it, and nowhere else.
// B5  A chunk given to `data` belongs to the sink, with the `headroom` bytes before it. The stream does not use that
//     memory again, and whatever the sink writes there changes nothing that comes later.
// B6  `write` says false before a peer that takes nothing has cost more memory than a fixed bound. `drained` then comes
//     once, when the peer has taken it; otherwise it never comes. What is written after a false is kept all the same.
// B7  `pause` stops `data`, but for what is already on its way in: MAX_LATE_BYTES at most. `resume` lets it flow again.
//     Either may be called twice, and before `attach`.
// B8  A peer that leaves is heard to the end: all that it sent comes first, at the sink's pace, then `ended`.
// B9  `close` delivers what was written, then notifies the peer; `ended` says what the first `close` said. From that call on
//     the sink hears nothing else, and a write is thrown away (and says true).
// B10 A stream with a time for its close cuts a peer that does not take the last bytes in that time: the end is `stuck`.
// B11 `cut` ends the stream now, whether or not the peer takes anything, also after a `close`; `ended` says what the first
//     `cut` said. From that call on the sink hears nothing else.
// B12 `ended` is the last call of a sink, and comes once. A sink that is attached after the end hears of it, too. From then
//     on every call of the stream does nothing (a write says true).
// B13 A sink may call the stream from within its own calls: the order of the bytes stays.
import type { CloseReason } from '#shared/protocol/close-reasons.ts';
import type { Untrusted } from '#shared/text/untrusted.ts';
import type { ByteChunk } from './byte-chunk.ts';

/** How much may still be delivered after a `pause`, in bytes. */
export const MAX_LATE_BYTES = 128 * 1024;

/** How a stream ended: the reason, and a human sentence where there is one, of ours or of the other end. */
export interface StreamEnd {
  readonly reason: CloseReason;
  readonly detail?: string | Untrusted;
}

/** Who receives from a stream. All three are called synchronously by the stream. */
export interface ByteSink {
  /** The next bytes. Of `headroom` (none by default) see B5: a header may be written there. */
  data(chunk: ByteChunk, headroom?: number): void;
  /** A `write` that said false has been taken: go on writing. */
  drained(): void;
  /** The last call. */
  ended(end: StreamEnd): void;
}

/** Bytes both ways, paced and never dropped. There is no half-close. */
export interface ByteStream {
  /** Bytes that wait in this process, in either direction, for somebody to take them; left out where nobody asks. */
  readonly pendingBytes?: number;
  /** Starts delivery to `sink`. */
  attach(sink: ByteSink): void;
  /** Sends a chunk. False: stop until `drained`. Of `headroom` (none by default) see B4. */
  write(chunk: ByteChunk, headroom?: number): boolean;
  /** Stops `data`. */
  pause(): void;
  /** Lets `data` flow again. */
  resume(): void;
  /** Ends the stream after what was written. */
  close(end: StreamEnd): void;
  /** Ends the stream now; what was not sent yet is lost. */
  cut(end: StreamEnd): void;
}
