// A WebSocket of ws as a byte stream, for the far ends of tests: another reading of the RFC than the one under test.
import type { WebSocket } from 'ws';
import { CLOSE_REASONS, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';

/** The longest message that far ends take, in bytes: as long as a frame of a stream may be. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** A write says false while more than this waits, in bytes. */
const WRITE_HIGH_BYTES = 64 * 1024;

/** What is known of the end while it has not come. `leaving`: a close or a fault; only a cut changes it. */
type Ending =
  | { readonly kind: 'none' }
  | { readonly kind: 'leaving' | 'cut' | 'over'; readonly end: StreamEnd };

/** Wraps a WebSocket that is paused, or fresh from the upgrade in the same tick. */
export function messageStream(socket: WebSocket): ByteStream {
  let sink: ByteSink | undefined;
  let ending: Ending = { kind: 'none' };
  let isPaused = false;
  let isBlocked = false;
  const isOpen = (): boolean => ending.kind === 'none';
  const leave = (end: StreamEnd): void => {
    if (isOpen()) ending = { kind: 'leaving', end };
  };
  socket.pause();
  socket.on('error', (error) => {
    leave({ reason: 'lost', detail: error.message });
  });
  socket.on('message', (data: Buffer) => {
    if (isOpen()) sink?.data(data);
  });
  socket.on('close', (code, text: Buffer) => {
    leave(code === 1006 ? { reason: 'lost' } : { reason: closeReasonFrom(code, text.toString()) });
    if (ending.kind === 'none') return;
    ending = { kind: 'over', end: ending.end };
    sink?.ended(ending.end);
  });
  const sent = (): void => {
    if (!isBlocked || socket.bufferedAmount > 0) return;
    isBlocked = false;
    if (isOpen()) sink?.drained();
  };
  return {
    attach(given) {
      if (sink !== undefined) throw new Error('a byte stream was attached twice');
      sink = given;
      const now = ending;
      if (now.kind === 'over') queueMicrotask(() => given.ended(now.end));
      else if (!isPaused) socket.resume();
    },
    write(chunk) {
      if (!isOpen() || socket.readyState !== socket.OPEN) return true;
      socket.send(chunk, sent);
      isBlocked = socket.bufferedAmount >= WRITE_HIGH_BYTES;
      return !isBlocked;
    },
    pause() {
      if (!isOpen()) return;
      isPaused = true;
      socket.pause();
    },
    resume() {
      isPaused = false;
      if (sink !== undefined) socket.resume();
    },
    close(end) {
      if (!isOpen()) return;
      leave(end);
      const said = end.reason === 'lost' ? 'going_away' : end.reason;
      socket.close(CLOSE_REASONS[said].code, said);
      // The peer's close frame must be seen.
      socket.resume();
    },
    cut(end) {
      if (ending.kind === 'cut' || ending.kind === 'over') return;
      ending = { kind: 'cut', end };
      socket.resume();
      socket.terminate();
    },
  };
}
