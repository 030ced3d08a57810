// Audit sinks: what takes lines, at its own speed, and says when it cannot.

export interface AuditSink {
  /** False: there is no room, and the line is lost. Never throws, never waits. */
  write(line: string): boolean;
  /** What it holds and has not handed over, in bytes. */
  readonly waitingBytes: number;
  /** A file is opened anew: somebody has moved it away. */
  reopen(): void;
  /** Resolves when all is handed over, after `withinMs` at the latest, with the number of lines that are not. May be called twice. */
  close(withinMs: number): Promise<number>;
}

/** What a sink reports. All are called synchronously and must not throw. */
export interface SinkEvents {
  /** There is room again, after a line found none. */
  onRoom(): void;
  /** It has given up on this many lines. */
  onLost(count: number): void;
  /** It could not hand over, and tries again; each time. */
  onFailure(detail: string): void;
  /** It could, after a failure. */
  onRecovered(): void;
}
