// The far end of a byte stream: a peer that sends, stalls, reads and leaves as a test tells it.
import type { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ByteStream } from '#shared/stream/byte-stream.ts';
import type { FakeStream } from './fake-stream.ts';
import { RecordingSink } from './recording-sink.ts';

export interface FarEnd {
  send(bytes: Buffer): void;
  /** All that it has taken, in order. */
  received(): Buffer;
  /** Takes nothing from here on. */
  stall(): void;
  /** Takes everything from here on, as from the start. */
  read(): void;
  /** Ends in good order, after what it sent. */
  leave(): void;
  /** It knows that the stream is over. */
  isOver(): boolean;
}

/** A WebSocket of ws: another reading of the RFC than ours. */
export function farWebSocket(socket: WebSocket): FarEnd {
  const chunks: Buffer[] = [];
  let isOver = false;
  socket.on('message', (data: Buffer) => chunks.push(data));
  socket.on('close', () => {
    isOver = true;
  });
  socket.on('error', () => undefined);
  return {
    // One that is closing says so in the callback.
    send: (bytes) => socket.send(bytes, () => undefined),
    received: () => Buffer.concat(chunks),
    stall: () => socket.pause(),
    read: () => socket.resume(),
    leave: () => socket.close(1000, 'ended'),
    isOver: () => isOver,
  };
}

/** `input` is what the stream under test writes to. */
export function farNodeStreams(input: Readable, output: Writable): FarEnd {
  const chunks: Buffer[] = [];
  let isOver = false;
  input.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (const event of ['end', 'close']) {
    input.on(event, () => {
      isOver = true;
    });
  }
  input.on('error', () => undefined);
  output.on('error', () => undefined);
  return {
    send: (bytes) => void output.write(Buffer.from(bytes)),
    received: () => Buffer.concat(chunks),
    stall: () => input.pause(),
    read: () => input.resume(),
    leave: () => output.end(),
    isOver: () => isOver,
  };
}

/** Another byte stream, whose own back-pressure is nobody's concern. */
export function farByteStream(stream: ByteStream): FarEnd {
  const sink = new RecordingSink();
  stream.attach(sink);
  return {
    send: (bytes) => void stream.write(Buffer.from(bytes)),
    received: () => Buffer.concat(sink.chunks),
    stall: () => stream.pause(),
    read: () => stream.resume(),
    leave: () => stream.close({ reason: 'ended' }),
    isOver: () => sink.ends.length > 0,
  };
}

/** The far end of a fake stream, which reads whenever it is nudged. */
export function farFakeStream(fake: FakeStream): FarEnd & { readonly nudge: () => void } {
  let isReading = true;
  return {
    send: (bytes) => fake.send(Buffer.from(bytes)),
    received: () => Buffer.concat(fake.arrived),
    stall: () => {
      isReading = false;
    },
    read: () => {
      isReading = true;
    },
    leave: () => fake.leave({ reason: 'ended' }),
    isOver: () => fake.ended !== undefined,
    nudge: () => {
      if (isReading) fake.read(Number.MAX_SAFE_INTEGER);
    },
  };
}
