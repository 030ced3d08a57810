// The records that no relay has taken yet: sent over the link that is up, and again over the next one.
import type { AuditMessage } from '#shared/protocol/audit.ts';
import { type AgentMessage, formatMessage } from '#shared/protocol/control-messages.ts';
import type { Cancel, Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { TokenBucket } from '#shared/time/token-bucket.ts';
import { AGENT_PACE } from '#shared/websocket/link-budget.ts';
import type { JobEventName, JobRecord } from './job-record.ts';
import type { RecordChain } from './record-chain.ts';

/** How many records wait for a relay; further ones are lost, and counted. */
export const MAX_UNTOLD_RECORDS = 512;

/** Of these, how many may be about what clients ask for, so that nobody who is in can push out who else came. */
export const MAX_UNTOLD_ASKED = 448;

/** Of these, how many may be about files, so that a large copy does not push out what else was asked for. */
export const MAX_UNTOLD_FILES = 256;

/** How long an agent that ends waits for its last records to be taken, in milliseconds. */
export const LAST_RECORDS_WITHIN_MS = 2_000;

/** A control link, as far as records go over it. */
export interface RecordLink {
  send(message: AgentMessage): void;
}

export interface UntoldRecordsOptions {
  readonly clock: Clock;
  readonly chain: RecordChain;
  /** The first record of the chain. */
  readonly opening: () => JobRecord;
}

interface Entry {
  readonly message: AuditMessage;
  readonly isAsked: boolean;
  readonly isFile: boolean;
}

/** Of these somebody who is in can make as many as they like. */
const ASKED: ReadonlySet<JobEventName> = new Set(['program_started', 'program_ended', 'forward', 'file']);

/** Nothing is signed or kept before a relay has asked. */
export class UntoldRecords {
  readonly #options: UntoldRecordsOptions;
  readonly #messages: TokenBucket;
  readonly #bytes: TokenBucket;
  /** In their order; those that were sent over the link come first. */
  readonly #entries: Entry[] = [];
  #asked = 0;
  #files = 0;
  #sent = 0;
  #lost = 0;
  #isAsked = false;
  #link: RecordLink | undefined;
  #cancelAgain: Cancel | undefined;
  #whenTold: () => void = () => undefined;

  constructor(options: UntoldRecordsOptions) {
    const now = options.clock.now();
    this.#options = options;
    this.#messages = new TokenBucket(AGENT_PACE.records, now);
    this.#bytes = new TokenBucket(AGENT_PACE.recordBytes, now);
  }

  /** A link is up that takes the place of any other, and its relay asks for records or does not. */
  greet(link: RecordLink, asks: boolean): void {
    this.#isAsked = asks;
    this.#link = asks ? link : undefined;
    this.#sent = 0;
    if (!asks) return this.#forget();
    if (this.#options.chain.length === 0) this.#add(this.#options.opening());
    this.#tellLost();
    this.#sendSome();
  }

  /** That link is down. */
  left(link: RecordLink): void {
    if (this.#link === link) this.#link = undefined;
  }

  /** Something has happened. */
  tell(record: JobRecord): void {
    if (!this.#isAsked) {
      // Whoever reads the chain is to know that it does not have all.
      if (this.#options.chain.length > 0) this.#lost += 1;
      return;
    }
    this.#tellLost();
    this.#add(record);
    this.#sendSome();
  }

  /** A relay has the records up to this one. */
  taken(seq: number): void {
    while (this.#entries[0] !== undefined && this.#entries[0].message.seq <= seq) {
      const entry = this.#entries.shift();
      if (entry?.isAsked === true) this.#asked -= 1;
      if (entry?.isFile === true) this.#files -= 1;
      this.#sent = Math.max(0, this.#sent - 1);
    }
    this.#tellLost();
    this.#sendSome();
    if (this.#entries.length === 0) this.#whenTold();
  }

  /** Resolves when a relay has all of them; at once where none is there, after LAST_RECORDS_WITHIN_MS at the latest. */
  async told(): Promise<void> {
    if (this.#entries.length === 0 || this.#link === undefined) return;
    const done = new AbortController();
    this.#whenTold = () => {
      done.abort();
    };
    await pause(this.#options.clock, LAST_RECORDS_WITHIN_MS, done.signal);
  }

  /** May be called twice. */
  stop(): void {
    this.#cancelAgain?.();
    this.#link = undefined;
  }

  #add(record: JobRecord): void {
    const isFile = record.event === 'file';
    const isAsked = ASKED.has(record.event);
    const isFull =
      this.#entries.length >= MAX_UNTOLD_RECORDS ||
      (isAsked && this.#asked >= MAX_UNTOLD_ASKED) ||
      (isFile && this.#files >= MAX_UNTOLD_FILES);
    if (isFull) {
      this.#lost += 1;
      return;
    }
    if (isAsked) this.#asked += 1;
    if (isFile) this.#files += 1;
    this.#entries.push({ message: this.#options.chain.add(record), isAsked, isFile });
  }

  /** Once half of them are gone: else each loss would be followed by a record of it, which takes the next one's place. */
  #tellLost(): void {
    if (this.#lost === 0 || this.#entries.length >= MAX_UNTOLD_RECORDS / 2) return;
    const count = this.#lost;
    this.#lost = 0;
    this.#add({ event: 'records_lost', count });
  }

  #forget(): void {
    this.#lost += this.#entries.length;
    this.#entries.length = 0;
    this.#asked = 0;
    this.#files = 0;
    this.#whenTold();
  }

  #sendSome(): void {
    const link = this.#link;
    if (link === undefined) return;
    for (let entry = this.#entries[this.#sent]; entry !== undefined; entry = this.#entries[this.#sent]) {
      const { clock } = this.#options;
      const bytes = Buffer.byteLength(formatMessage(entry.message));
      const now = clock.now();
      // Taken of both or of neither: what is taken and not sent would be taken again.
      const waitMs = Math.max(this.#bytes.waitFor(now, bytes), this.#messages.waitFor(now, 1));
      if (waitMs > 0) {
        this.#cancelAgain ??= clock.after(waitMs, () => {
          this.#cancelAgain = undefined;
          this.#sendSome();
        });
        return;
      }
      this.#bytes.take(now, bytes);
      this.#messages.take(now);
      this.#sent += 1;
      link.send(entry.message);
    }
  }
}
