// A peer that speaks the resume protocol by hand, frame by frame, also wrongly.
import { type ReceivedFrame, ResumeFrameParser } from '#shared/resume/frame-parser.ts';
import {
  encodeOpen,
  type OpenMode,
  type ProtocolVersion,
  RESUME_VERSION,
  STREAM_ID_BYTES,
} from '#shared/resume/frames.ts';
import type { ByteStream, StreamEnd } from '#shared/stream/byte-stream.ts';

export const STREAM_ID = Buffer.alloc(STREAM_ID_BYTES, 7);

export class RawPeer {
  readonly frames: ReceivedFrame[] = [];
  readonly raw: Buffer[] = [];
  end: StreamEnd | undefined;
  readonly #transport: ByteStream;
  readonly #parser = new ResumeFrameParser();

  constructor(transport: ByteStream) {
    this.#transport = transport;
    transport.attach({
      data: (chunk) => {
        this.raw.push(chunk);
        this.#parser.push(chunk);
        for (let frame = this.#parser.next(); frame !== undefined; frame = this.#parser.next()) {
          this.frames.push(frame);
          if (frame.kind === 'bad') return;
        }
      },
      drained: () => {},
      ended: (end) => {
        this.end = end;
      },
    });
  }

  send(...frames: Buffer[]): this {
    for (const frame of frames) this.#transport.write(frame);
    return this;
  }

  open(mode: OpenMode, received = 0, streamId = STREAM_ID, version: ProtocolVersion = RESUME_VERSION): this {
    return this.send(encodeOpen({ version, streamId, mode, received }));
  }

  /** The payload of all DATA so far. */
  get bytes(): Buffer {
    return Buffer.concat(this.frames.flatMap((frame) => (frame.kind === 'data' ? [frame.bytes] : [])));
  }

  /** With a close frame that says why. */
  close(end: StreamEnd): void {
    this.#transport.close(end);
  }

  cut(): void {
    this.#transport.cut({ reason: 'lost' });
  }
}
