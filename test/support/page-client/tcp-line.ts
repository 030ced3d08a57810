// A TCP connection as the line of the SSH client of pages: the same client, held against hosts that others wrote.
import type { Duplex } from 'node:stream';
import type { PacketLine } from '../../../services/clients/browser/ssh/transport/packet-line.ts';

/** Wraps a duplex; nothing is read before the client attaches. */
export function lineOver(socket: Duplex): PacketLine {
  return {
    attach(sink) {
      socket.on('data', (chunk: Buffer) => sink.data(chunk));
      socket.on('drain', () => sink.drained());
      socket.on('error', () => undefined);
      socket.on('close', () => sink.ended('the connection was lost'));
    },
    write: (chunk) => socket.write(chunk),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.end(),
    cut: () => void socket.destroy(),
  };
}
