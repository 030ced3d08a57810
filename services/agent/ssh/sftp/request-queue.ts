// The request queue: starts requests in the order of arrival, as many at once as cannot notice one another.

import { conflict, type Footprint } from './footprint.ts';
import { MAX_RUNNING_REQUESTS, MAX_WAITING_BYTES, MAX_WAITING_REQUESTS } from './limits.ts';

export interface QueuedRequest {
  /** Length of its packet. */
  bytes: number;
  /** Asked when the request is first in line, and again while it waits there: handles come and go. */
  footprint(): Footprint;
  /** Does the work and sends the reply; never throws. */
  run(): Promise<void>;
}

export interface RequestQueueEvents {
  /** False while replies must not be produced, because the channel does not take them. */
  mayStart(): boolean;
  /** A request has been started or finished: there may be room, or nothing left. */
  onProgress(): void;
}

/**
 * Only the first in line is ever started, and only if it conflicts with nothing that runs. So each request sees
 * exactly what every earlier one did, as with OpenSSH's server, which does one at a time; replies may change places.
 */
export class RequestQueue {
  readonly #events: RequestQueueEvents;
  readonly #waiting: QueuedRequest[] = [];
  readonly #running = new Map<QueuedRequest, Footprint>();
  #waitingBytes = 0;

  constructor(events: RequestQueueEvents) {
    this.#events = events;
  }

  get full(): boolean {
    return this.#waiting.length >= MAX_WAITING_REQUESTS || this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  get idle(): boolean {
    return this.#waiting.length === 0 && this.#running.size === 0;
  }

  /** No request is at work, whatever waits. */
  get still(): boolean {
    return this.#running.size === 0;
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
      if (request === undefined || this.#running.size >= MAX_RUNNING_REQUESTS || !this.#events.mayStart()) {
        return;
      }
      const footprint = request.footprint();
      for (const other of this.#running.values()) {
        if (conflict(footprint, other)) {
          return;
        }
      }
      this.#waiting.shift();
      this.#waitingBytes -= request.bytes;
      this.#running.set(request, footprint);
      void this.#run(request);
    }
  }

  /** Forgets what has not been started. */
  clear(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  async #run(request: QueuedRequest): Promise<void> {
    await request.run();
    this.#running.delete(request);
    this.start();
    this.#events.onProgress();
  }
}
