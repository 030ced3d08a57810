// Reads one line from a socket, within a size and a time.
import type { Socket } from 'node:net';
import type { Clock } from '#shared/time/clock.ts';
import { LINE_TIMEOUT_MS } from './request.ts';

export type LineRead =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'timed_out' }
  | { readonly kind: 'too_long' }
  /** The other end closed, or the connection failed, before the line was complete. */
  | { readonly kind: 'closed' };

/** Resolves with the first line of at most `maxBytes`, or with why there is none. Keeps listening for errors so that none is unheard. */
export function readLine(socket: Socket, clock: Clock, maxBytes: number): Promise<LineRead> {
  return new Promise((resolve) => {
    const cancel = clock.after(LINE_TIMEOUT_MS, () => resolve({ kind: 'timed_out' }));
    const settle = (read: LineRead): void => {
      cancel();
      resolve(read);
    };
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      if (received.length > maxBytes) return;
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\n');
      if (end > maxBytes || (end === -1 && received.length > maxBytes)) {
        settle({ kind: 'too_long' });
      } else if (end !== -1) {
        settle({ kind: 'line', line: received.toString('utf8', 0, end) });
      }
    });
    socket.on('error', () => settle({ kind: 'closed' }));
    socket.on('close', () => settle({ kind: 'closed' }));
    socket.on('end', () => settle({ kind: 'closed' }));
  });
}
