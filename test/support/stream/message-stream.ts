// A WebSocket of ws as a byte stream, for the far ends of tests: another reading of the RFC than the one under test.
import type { WebSocket } from 'ws';
import { CLOSE_REASONS, closeReasonFrom } from '#shared/protocol/close-reasons.ts';
import type { ByteSink, ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';

/** The longest message that far ends take, in bytes: as long as a frame of a stream may be. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** A write says false while more than this waits, in bytes. */
const WRITE_HIGH_BYTES = 64 * 1024;

/** Wraps a WebSocket that is paused, or fresh from the upgrade in the same tick. */
export function messageStream(socket: WebSocket): ByteStream {
  let sink: ByteSink | undefined;
  let end: StreamEnd | undefined;
  let isBlocked = false;
  socket.pause();
  socket.on('error', (error) => {
    end ??= { reason: 'lost', detail: error.message };
  });
  socket.on('message', (data: Buffer) => sink?.data(data));
  socket.on('close', (code, text: Buffer) => {
    end ??= code === 1006 ? { reason: 'lost' } : { reason: closeReasonFrom(code, text.toString()) };
    sink?.ended(end);
  });
  const sent = (): void => {
    if (!isBlocked || socket.bufferedAmount > 0) return;
    isBlocked = false;
    sink?.drained();
  };
  return {
    attach(given) {
      sink = given;
      socket.resume();
    },
    write(chunk) {
      if (socket.readyState !== socket.OPEN) return true;
      socket.send(chunk, sent);
      isBlocked = socket.bufferedAmount >= WRITE_HIGH_BYTES;
      return !isBlocked;
    },
    pause() {
      socket.pause();
    },
    resume() {
      socket.resume();
    },
    close(given) {
      end ??= given;
      const said = given.reason === 'lost' ? 'going_away' : given.reason;
      socket.close(CLOSE_REASONS[said].code, said);
    },
    cut(given) {
      end ??= given;
      socket.terminate();
    },
  };
}
