// The packet line: what the SSH client needs of whatever carries its bytes. A byte stream, with plain arrays.

export interface LineSink {
  data(chunk: Uint8Array): void;
  /** A `write` that said false has been taken. */
  drained(): void;
  /** The last call; `sentence` is for a person. */
  ended(sentence: string): void;
}

export interface PacketLine {
  /** Once, before anything else. */
  attach(sink: LineSink): void;
  /** The chunk is kept; PACKET_HEADROOM_BYTES before it, if `isRoomy`, may be written to. False: stop until `drained`. */
  write(chunk: Uint8Array, isRoomy: boolean): boolean;
  pause(): void;
  resume(): void;
  /** Delivers what was written, then ends. May be called twice. */
  close(): void;
  /** Ends now. May be called twice. */
  cut(): void;
}
