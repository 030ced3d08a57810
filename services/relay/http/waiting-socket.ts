// A socket whose handshake is not answered yet: notices when the peer leaves, and keeps what it sends early.
import type { Socket } from 'node:net';

/** What a peer may send before its handshake is answered, in bytes; more waits in the kernel. */
const EARLY_BYTES_LIMIT = 16 * 1024;

export interface WaitingSocket {
  /** Ends the watch and gives what was sent early. */
  release(): Buffer;
}

/** Watches `socket`, and calls `leave` when the peer has gone. Reading is the only way to hear of that. */
export function watchWaitingSocket(socket: Socket, leave: () => void): WaitingSocket {
  const early: Buffer[] = [];
  let size = 0;
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
    release() {
      socket.pause();
      socket.off('data', keep);
      socket.off('end', leave);
      socket.off('close', leave);
      return Buffer.concat(early);
    },
  };
}
