// A socket whose handshake is not answered yet: notices when the peer leaves, and keeps what it sends early.
import type { Socket } from 'node:net';

/** What a peer may send before its handshake is answered, in bytes; more waits in the kernel. */
const EARLY_BYTES_LIMIT = 16 * 1024;

export interface WaitingSocket {
  /** Aborts when the peer has gone. */
  readonly gone: AbortSignal;
  /** Ends the watch and gives what was sent early. */
  release(): Buffer;
}

/** Watches `socket`. Reading is the only way to hear that a peer has left. */
export function watchWaitingSocket(socket: Socket): WaitingSocket {
  const gone = new AbortController();
  const early: Buffer[] = [];
  let size = 0;
  const leave = (): void => {
    gone.abort();
  };
  const keep = (chunk: Buffer): void => {
    early.push(chunk);
    size += chunk.length;
    if (size >= EARLY_BYTES_LIMIT) socket.pause();
  };
  socket.on('data', keep);
  socket.on('end', leave);
  socket.on('close', leave);
  if (socket.destroyed) leave();
  return {
    gone: gone.signal,
    release() {
      socket.pause();
      socket.off('data', keep);
      socket.off('end', leave);
      socket.off('close', leave);
      return Buffer.concat(early);
    },
  };
}
