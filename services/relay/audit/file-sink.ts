// The sink that is a file: appended to, opened anew when somebody has moved it away, and waited for when its disk is full.
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { faultText } from '#shared/text/fault-text.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import type { AuditSink, SinkEvents } from './audit-sink.ts';
import { Backlog, type Batch, type BatchLimits } from './backlog.ts';

/** How long to wait after a write that failed, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** How often a busy file is looked at: is it still the one of that name? In milliseconds. */
const LOOK_EVERY_MS = 1_000;

const BATCH: BatchLimits = { lines: 1_000, bytes: 64 * 1024 };

/** Not blocking: a pipe without a reader is a failure, not a wait. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** Who may read what people did: the account of the relay. */
const MODE = 0o600;

const LINE_FEED = 0x0a;

export interface FileSinkOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly events: SinkEvents;
  /** In tests, another than the usual bound in bytes. */
  readonly maxBacklogBytes?: number;
}

/** idle -> working -> idle; each -> closed. When idle, nothing waits. */
type State = 'idle' | 'working' | 'closed';

/** What has been written is with the system: it outlives the relay, and not the machine. */
export class FileSink implements AuditSink {
  readonly #options: FileSinkOptions;
  readonly #backlog: Backlog;
  readonly #closing = new AbortController();
  #state: State = 'idle';
  #handle: FileHandle | undefined;
  /** How far into the batch the file is. */
  #written = 0;
  #batch: Batch | undefined;
  #isMoved = false;
  #isFailing = false;
  #lookedAt = 0;
  #whenIdle: () => void = () => undefined;

  /** Opens nothing before there is a line. */
  constructor(options: FileSinkOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.maxBacklogBytes);
  }

  get waitingBytes(): number {
    return this.#backlog.bytes;
  }

  write(line: string): boolean {
    if (this.#state === 'closed' || !this.#backlog.push(line)) return false;
    this.#wake();
    return true;
  }

  reopen(): void {
    this.#isMoved = true;
    // Also when there is nothing to write: whoever moved it wants to compress or remove it.
    this.#wake();
  }

  async close(withinMs: number): Promise<number> {
    if (this.#state === 'working') {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#whenIdle = resolve;
      await Promise.race([promise, pause(this.#options.clock, withinMs, this.#closing.signal)]);
    }
    this.#state = 'closed';
    this.#closing.abort();
    const released = this.#release();
    // A file system that does not answer is not waited for any longer.
    if (this.#backlog.lines === 0) await released;
    return this.#backlog.lines;
  }

  #wake(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'working';
    // In a later turn: what is recorded in this one is written together.
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    const { clock, events } = this.#options;
    while (this.#state === 'working' && (this.#backlog.lines > 0 || this.#isMoved)) {
      try {
        await this.#writeBatch();
        if (this.#isFailing) events.onRecovered();
        this.#isFailing = false;
      } catch (error) {
        this.#isFailing = true;
        events.onFailure(faultText(error));
        await pause(clock, RETRY_AFTER_MS, this.#closing.signal);
      }
    }
    if (this.#state === 'working') this.#state = 'idle';
    this.#whenIdle();
  }

  async #writeBatch(): Promise<void> {
    const handle = await this.#opened();
    const batch = this.#batch ?? this.#backlog.first(BATCH);
    this.#batch = batch;
    while (this.#written < batch.bytes.length) {
      const { bytesWritten } = await handle.write(batch.bytes, this.#written);
      this.#written += bytesWritten;
    }
    this.#batch = undefined;
    this.#written = 0;
    if (this.#backlog.drop(batch)) this.#options.events.onRoom();
  }

  /** The file of that name, as it is now. */
  async #opened(): Promise<FileHandle> {
    const { clock, path } = this.#options;
    if (this.#handle !== undefined && clock.now() - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#isMoved ||= !(await isAt(path, this.#handle));
      this.#lookedAt = clock.now();
    }
    if (this.#isMoved) {
      this.#isMoved = false;
      await this.#release();
      // A line that went into the other file in part begins again in this one.
      const { bytes } = this.#batch ?? { bytes: Buffer.alloc(0) };
      this.#written = this.#written === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, this.#written - 1) + 1;
    }
    this.#handle ??= await openForLines(path);
    return this.#handle;
  }

  async #release(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}

async function isAt(path: string, handle: FileHandle): Promise<boolean> {
  // A share that was taken away and came back answers neither: then the file is opened anew.
  const unknown = (): undefined => undefined;
  const [named, opened] = await Promise.all([stat(path).catch(unknown), handle.stat().catch(unknown)]);
  return named !== undefined && named.ino === opened?.ino && named.dev === opened.dev;
}

/** A relay that was killed may have left half a line: the next one does not go on with it. */
async function openForLines(path: string): Promise<FileHandle> {
  const handle = await open(path, FLAGS, MODE);
  const facts = await handle.stat();
  if (facts.isFile() && facts.size > 0 && (await lastByteOf(path, facts.size)) !== LINE_FEED)
    await handle.write('\n');
  return handle;
}

/** A line feed if it cannot be read. */
async function lastByteOf(path: string, size: number): Promise<number> {
  const reader = await open(path, 'r').catch(() => undefined);
  if (reader === undefined) return LINE_FEED;
  try {
    const { buffer, bytesRead } = await reader.read(Buffer.alloc(1), 0, 1, size - 1);
    return bytesRead === 1 ? (buffer[0] ?? LINE_FEED) : LINE_FEED;
  } finally {
    await reader.close();
  }
}
