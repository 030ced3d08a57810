// A byte stream as a Node duplex, for libraries that want one.
import { Duplex } from 'node:stream';
import type { ByteStream, StreamEnd } from './byte-stream.ts';
import { headroomOf } from './headroom.ts';

/** What a duplex cannot say. */
export interface DuplexHearer {
  /** How the stream ended; before the last bytes are read. */
  readonly ended: (end: StreamEnd) => void;
  /** So many bytes were written, or came. */
  readonly moved: (bytes: number) => void;
}

/**
 * A duplex over `stream`, which nobody has attached to. The end of the stream ends the readable side and closes the
 * duplex; `end()` closes the stream after what was written; `destroy()` cuts it.
 */
export function duplexOf(stream: ByteStream, hearer?: DuplexHearer): Duplex {
  let taken: (() => void) | undefined;
  let ended = false;
  const duplex = new Duplex({
    allowHalfOpen: false,
    read() {
      stream.resume();
    },
    write(chunk: Buffer, _encoding, callback) {
      hearer?.moved(chunk.length);
      if (stream.write(chunk, headroomOf(chunk))) callback();
      else taken = callback;
    },
    final(callback) {
      stream.close({ reason: 'ended' });
      callback();
    },
    destroy(error, callback) {
      // A close in progress still delivers what was written; only a fault throws it away.
      if (!ended && error !== null) stream.cut({ reason: 'fault', detail: error.message });
      else if (!ended) stream.close({ reason: 'ended' });
      callback(error);
    },
  });
  stream.attach({
    data(chunk) {
      hearer?.moved(chunk.length);
      if (!duplex.push(chunk)) stream.pause();
    },
    drained() {
      release();
    },
    ended(end) {
      ended = true;
      hearer?.ended(end);
      release();
      duplex.push(null);
    },
  });
  function release(): void {
    const callback = taken;
    taken = undefined;
    callback?.();
  }
  return duplex;
}
