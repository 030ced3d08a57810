// The join of two byte streams: moves the bytes between them until both have ended.
import type { ByteSink, ByteStream, StreamEnd } from './byte-stream.ts';

export type Side = 'left' | 'right';

/** How a join went. */
export interface JoinEnd {
  /** Which side ended first, and why. */
  readonly first: Side;
  readonly end: StreamEnd;
  /** How the other side ended, after it was notified. */
  readonly otherEnd: StreamEnd;
}

export interface JoinOptions {
  /** What is passed on to the other side when one side ended; by default the same. */
  readonly onward?: (end: StreamEnd, from: Side) => StreamEnd;
  /** Called once per chunk; must be cheap. */
  readonly onBytes?: (from: Side, bytes: number) => void;
  /** Called once, when both sides have ended. */
  readonly onEnded?: (end: JoinEnd) => void;
}

/** A join in progress. */
export interface Join {
  /** Closes both sides; what was received is still delivered. May be called twice. */
  close(end: StreamEnd): void;
  /** Cuts both sides; what was not taken is lost. May be called twice. */
  cut(end: StreamEnd): void;
}

/**
 * Moves bytes between two streams that nobody has attached to. A side that does not take bytes pauses the other.
 * When one side ends, what it had sent is delivered, then the other side is closed.
 */
export function joinStreams(left: ByteStream, right: ByteStream, options: JoinOptions = {}): Join {
  const { onward = same, onBytes, onEnded } = options;
  let first: { side: Side; end: StreamEnd } | undefined;

  function sinkOf(side: Side, own: ByteStream, other: ByteStream): ByteSink {
    return {
      data(chunk, headroom) {
        onBytes?.(side, chunk.length);
        if (!other.write(chunk, headroom)) own.pause();
      },
      drained() {
        other.resume();
      },
      ended(end) {
        if (first === undefined) {
          first = { side, end };
          other.close(onward(end, side));
        } else {
          onEnded?.({ first: first.side, end: first.end, otherEnd: end });
        }
      },
    };
  }

  left.attach(sinkOf('left', left, right));
  right.attach(sinkOf('right', right, left));
  return {
    close(end) {
      left.close(end);
      right.close(end);
    },
    cut(end) {
      left.cut(end);
      right.cut(end);
    },
  };
}

function same(end: StreamEnd): StreamEnd {
  return end;
}
