// The socket of a client that waits for its answer: notices when the client leaves, and keeps what it sends early.
import type { Socket } from 'node:net';

/**
 * How much a peer may send before its handshake is answered, in bytes; it is held until then. A client must wait for the
 * answer (RFC 6455 section 4.1), and this is for clients that do not. What is over cannot be left to the kernel, since
 * the socket has to be read to notice that a client leaves, and each read may bring 64 KiB.
 */
export const MAX_EARLY_BYTES = 16 * 1024;

/** The first size of the copy, in bytes: a first frame with its header fits. */
const FIRST_ROOM_BYTES = 256;

/** Why a wait ends: the peer has gone, or it sent more than MAX_EARLY_BYTES. */
export type Departure = 'left' | 'too_eager';

export interface WaitingSocket {
  /** Ends the watch and gives what was sent early. */
  release(): Buffer;
}

/** Calls `leave` when the peer has gone or sent too much. It reads `socket`, which is the only way to hear of either. */
export function watchWaitingSocket(socket: Socket, leave: (why: Departure) => void): WaitingSocket {
  /** Copies, since a chunk can be a small part of a large piece of memory. */
  let held = EMPTY;
  let size = 0;
  const keep = (chunk: Buffer): void => {
    if (size + chunk.length > MAX_EARLY_BYTES) {
      stop();
      held = EMPTY;
      size = 0;
      leave('too_eager');
      return;
    }
    held = withRoom(held, size, size + chunk.length);
    chunk.copy(held, size);
    size += chunk.length;
  };
  const gone = (): void => {
    leave('left');
  };
  const stop = (): void => {
    socket.pause();
    socket.off('data', keep);
    socket.off('end', gone);
    socket.off('close', gone);
  };
  socket.on('data', keep);
  socket.on('end', gone);
  socket.on('close', gone);
  if (socket.destroyed) gone();
  return {
    release() {
      stop();
      return held.subarray(0, size);
    },
  };
}

/** `held`, or a larger one with the same beginning. Not from Node's pool, which would be held as a whole. */
function withRoom(held: Buffer, size: number, needed: number): Buffer {
  if (needed <= held.length) return held;
  const room = Math.max(needed, Math.min(MAX_EARLY_BYTES, Math.max(FIRST_ROOM_BYTES, 2 * held.length)));
  const larger = Buffer.allocUnsafeSlow(room);
  held.copy(larger, 0, 0, size);
  return larger;
}

const EMPTY: Buffer = Buffer.alloc(0);
