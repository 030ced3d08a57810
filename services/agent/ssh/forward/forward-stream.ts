// One forwarded stream: a socket on this side, a channel to the client, half-close and back-pressure both ways.
import type { Socket } from 'node:net';
import type { ServerChannel } from 'ssh2';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { ChannelOutput } from '../channel/channel-output.ts';
import type { TransportGate } from '../channel/transport-gate.ts';

/** How long a socket may take over the last bytes of a channel that the client has closed. */
const LAST_BYTES_TIMEOUT_MS = 10_000;

export interface ForwardStreamOptions {
  /** Connected, with allowHalfOpen, and not yet read from. */
  readonly socket: Socket;
  readonly channel: ServerChannel;
  readonly gate: TransportGate;
  readonly clock: Clock;
  readonly onActivity: () => void;
  /** Called once, when both are closed. */
  readonly onEnded: () => void;
}

/** A forwarded stream in progress. */
export interface ForwardStream {
  /** The connection is gone: closes the socket and sends nothing more. May be called twice. */
  stop(): void;
}

/** Joins a socket and a channel; an error on either closes only these two. */
export function joinForward(options: ForwardStreamOptions): ForwardStream {
  const { socket, channel, onActivity } = options;
  let cancelCut: Cancel | undefined;
  let ended = false;
  const output = new ChannelOutput(channel, options.gate, () => {
    socket.resume();
  });

  socket.on('data', (chunk) => {
    onActivity();
    if (!output.write('stdout', chunk)) socket.pause();
  });
  socket.on('end', () => {
    output.eof();
  });
  socket.on('drain', () => {
    channel.resume();
  });
  socket.on('error', () => {
    socket.destroy();
  });
  socket.on('close', closed);
  if (socket.closed) queueMicrotask(closed); // gone while the client made up its mind

  channel.on('data', (chunk: Buffer) => {
    onActivity();
    if (!socket.destroyed && !socket.write(chunk)) channel.pause();
  });
  channel.on('end', () => {
    socket.end();
  });
  const cutSoon = (): void => {
    cancelCut ??= options.clock.after(LAST_BYTES_TIMEOUT_MS, () => {
      socket.destroy();
    });
  };
  // Only the client's CLOSE finishes stderr of a forward. 'close' would come later, when all that was sent has been read.
  channel.stderr.once('finish', cutSoon);
  channel.on('close', () => {
    output.abandon();
    socket.end();
    socket.resume();
    cutSoon();
    socket.once('finish', () => {
      socket.destroy();
    });
    if (socket.writableFinished) socket.destroy();
  });

  function closed(): void {
    if (ended) return;
    ended = true;
    cancelCut?.();
    output.finish();
    channel.resume(); // nobody takes it any more; 'close' comes only after the end was read
    options.onEnded();
  }

  socket.resume(); // accepted sockets come paused
  return {
    stop() {
      output.abandon();
      socket.destroy();
    },
  };
}
