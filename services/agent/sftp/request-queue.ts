// The request queue: begins requests in the order of arrival, as many at once as cannot notice one another, and answers in that order.

import { conflict, type Footprint } from './footprint.ts';
import { MAX_UNANSWERED_REQUESTS, MAX_WAITING_BYTES, MAX_WAITING_REQUESTS } from './limits.ts';

export interface QueuedRequest {
  /** Length of its packet. */
  bytes: number;
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

/** A request that was begun; it leaves when its reply has been sent. */
type Begun = { kind: 'working'; footprint: Footprint } | { kind: 'done'; reply: Buffer };

/**
 * Only the first in line is ever begun, and only if it conflicts with nothing that is at work. So each request sees
 * exactly what every earlier one did, as with OpenSSH's server, which does one at a time. What is done before its turn
 * waits: clients take the order of replies for granted, though the draft does not. OpenSSH's scp cuts a file at the
 * highest offset up to which every write was answered, and paramiko takes a reply out of turn for another's.
 */
export class RequestQueue {
  readonly #events: RequestQueueEvents;
  readonly #waiting: QueuedRequest[] = [];
  /** In the order of the requests, and with that of the replies. */
  readonly #begun: { state: Begun }[] = [];
  #working = 0;
  #waitingBytes = 0;

  constructor(events: RequestQueueEvents) {
    this.#events = events;
  }

  get full(): boolean {
    return this.#waiting.length >= MAX_WAITING_REQUESTS || this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** Everything that was asked has been answered. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#begun.length === 0;
  }

  /** No request is at work, whatever waits. */
  get still(): boolean {
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
      if (
        request === undefined ||
        this.#begun.length >= MAX_UNANSWERED_REQUESTS ||
        !this.#events.mayStart()
      ) {
        return;
      }
      const footprint = request.footprint();
      for (const { state } of this.#begun) {
        if (state.kind === 'working' && conflict(footprint, state.footprint)) {
          return;
        }
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
    const begun: { state: Begun } = { state: { kind: 'working', footprint } };
    this.#begun.push(begun);
    this.#working += 1;
    begun.state = { kind: 'done', reply: await request.run() };
    this.#working -= 1;
    this.#answer();
    this.start();
    this.#events.onProgress();
  }

  /** Sends every reply whose turn has come. */
  #answer(): void {
    for (;;) {
      const state = this.#begun[0]?.state;
      if (state?.kind !== 'done') {
        return;
      }
      this.#begun.shift();
      this.#events.reply(state.reply);
    }
  }
}
