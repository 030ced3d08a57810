// The request queue: begins requests in the order of arrival, together where none can notice another, and answers in that order.
import { MAX_UNANSWERED_REQUESTS, MAX_WAITING_BYTES, MAX_WAITING_REQUESTS } from './limits.ts';

/** Identifies a file whatever its names and handles: device and inode. */
export type FileKey = string;

/** What of the file system a request looks at or changes. */
export type Footprint =
  /** Touches no file. */
  | { readonly kind: 'nothing' }
  /** Looks at names and attributes anywhere; `cursor` is the listing whose place in a directory it moves on. */
  | { readonly kind: 'look'; readonly cursor: object | undefined }
  /** Reads the content or size of one open file. */
  | { readonly kind: 'read'; readonly file: FileKey }
  /** Writes bytes from `start` to before `end` of one open file. */
  | { readonly kind: 'write'; readonly file: FileKey; readonly start: number; readonly end: number }
  /** May change anything. */
  | { readonly kind: 'change' };

/** A write whose place or extent is not known beforehand: to a file opened for appending, or of a file as a whole. */
export function wholeFile(file: FileKey): Footprint {
  return { kind: 'write', file, start: 0, end: Number.POSITIVE_INFINITY };
}

/**
 * Whether the two requests could tell, or leave a trace of, the order in which they ran. Access times do not count.
 * Requests without conflict may run at once and the outcome is that of a server that does one after the other.
 */
export function conflict(a: Footprint, b: Footprint): boolean {
  if (a.kind === 'nothing' || b.kind === 'nothing') return false;
  if (a.kind === 'change' || b.kind === 'change') return true;
  if (a.kind === 'look' && b.kind === 'look') return a.cursor !== undefined && a.cursor === b.cursor;
  // Sizes and times may be of the file that is written.
  if (a.kind === 'look' || b.kind === 'look') return a.kind === 'write' || b.kind === 'write';
  if (a.file !== b.file) return false;
  if (a.kind === 'write' && b.kind === 'write') return a.start < b.end && b.start < a.end;
  return a.kind === 'write' || b.kind === 'write';
}

export interface QueuedRequest {
  /** Length of its packet. */
  readonly bytes: number;
  /** Asked when the request is first in line, and again while it waits there: handles come and go. */
  footprint(): Footprint;
  /** Does the work; resolves to the reply packet, and never rejects. */
  run(): Promise<Buffer>;
}

export interface RequestQueueEvents {
  /** False while replies must not be produced, because the channel does not take them. */
  mayStart(): boolean;
  /** The replies, in the order of the requests. */
  reply(packet: Buffer): void;
  /** A request has been started or answered: there may be room, or nothing left. */
  onProgress(): void;
}

/** What became of a request that was begun. It leaves when its reply has been sent. */
type Progress =
  | { readonly kind: 'working'; readonly footprint: Footprint }
  | { readonly kind: 'done'; readonly reply: Buffer };

/** A request that was begun. The queue moves `progress` on. */
interface Begun {
  progress: Progress;
}

/**
 * Only the first in line is ever begun, and only if it conflicts with nothing that is at work. So each request sees
 * exactly what every earlier one did, as with OpenSSH's server, which does one at a time. What is done before its turn
 * waits: clients take the order of replies for granted, though the draft does not. OpenSSH's scp cuts a file at the
 * highest offset up to which every write was answered, and paramiko takes a reply out of turn for another's.
 */
export class RequestQueue {
  readonly #events: RequestQueueEvents;
  readonly #waiting: QueuedRequest[] = [];
  /** In the order of the requests, which is that of the replies. */
  readonly #begun: Begun[] = [];
  #working = 0;
  #waitingBytes = 0;

  constructor(events: RequestQueueEvents) {
    this.#events = events;
  }

  get isFull(): boolean {
    return this.#waiting.length >= MAX_WAITING_REQUESTS || this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** Everything that was asked has been answered. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#begun.length === 0;
  }

  /** No request is at work, whatever waits. */
  get isStill(): boolean {
    return this.#working === 0;
  }

  push(request: QueuedRequest): void {
    this.#waiting.push(request);
    this.#waitingBytes += request.bytes;
    this.start();
  }

  /** Starts what can be started; called again whenever `mayStart` turns true. */
  start(): void {
    for (;;) {
      const request = this.#waiting[0];
      if (request === undefined || this.#begun.length >= MAX_UNANSWERED_REQUESTS) return;
      if (!this.#events.mayStart()) return;
      const footprint = request.footprint();
      for (const { progress } of this.#begun) {
        if (progress.kind === 'working' && conflict(footprint, progress.footprint)) return;
      }
      this.#waiting.shift();
      this.#waitingBytes -= request.bytes;
      void this.#run(request, footprint);
    }
  }

  /** Forgets what has not been started. */
  clear(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  async #run(request: QueuedRequest, footprint: Footprint): Promise<void> {
    const begun: Begun = { progress: { kind: 'working', footprint } };
    this.#begun.push(begun);
    this.#working += 1;
    begun.progress = { kind: 'done', reply: await request.run() };
    this.#working -= 1;
    this.#answer();
    this.start();
    this.#events.onProgress();
  }

  /** Sends every reply whose turn has come. */
  #answer(): void {
    for (;;) {
      const progress = this.#begun[0]?.progress;
      if (progress?.kind !== 'done') return;
      this.#begun.shift();
      this.#events.reply(progress.reply);
    }
  }
}
