// The notifier: which events become notices, and how many of them.
import type { Environment } from '#shared/machine/environment.ts';
import type { Clock } from '#shared/time/clock.ts';
import type { LogEvent } from '../notices/log-line.ts';
import type { EventObject } from './event-object.ts';
import { type Notice, type NoticeSubject, noticeFrom, openedNotice } from './notice.ts';
import type { NoticeTarget } from './notice-target.ts';
import { Webhook } from './webhook.ts';

/** Somebody who comes again within this time from the same address, as the same user, is not told of again; in milliseconds. */
export const JOINED_AGAIN_AFTER_MS = 10 * 60_000;

/** So many people are remembered for that; then all are forgotten. */
export const MAX_REMEMBERED_JOINED = 1_000;

/** A deadline that has moved by less is the one that was told of, in milliseconds: the levels of the warning belong together. */
const SAME_DEADLINE_MS = 30_000;

export interface NotifierOptions {
  readonly targets: readonly NoticeTarget[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly proxies: Environment;
  readonly complain: (line: string) => void;
}

/** calling -> open -> ended. Before somebody could come there is nothing to tell. */
type State =
  | { readonly kind: 'calling' }
  | { readonly kind: 'open'; readonly subject: NoticeSubject; readonly deadline: () => number }
  | { readonly kind: 'ended'; readonly last: Notice | undefined };

export class Notifier {
  readonly #webhooks: readonly Webhook[];
  readonly #joined = new Map<string, number>();
  #state: State = { kind: 'calling' };
  /** Of the last notice that the end is near, in milliseconds since the epoch. */
  #toldDeadline = Number.NEGATIVE_INFINITY;

  constructor({ targets, ...options }: NotifierOptions) {
    this.#webhooks = targets.map((target) => new Webhook({ target, ...options }));
  }

  /** The job is open. `deadline` is asked whenever something is told, in milliseconds since the epoch. */
  opened(subject: NoticeSubject, now: number, deadline: () => number, card: EventObject): void {
    this.#state = { kind: 'open', subject, deadline };
    this.#push(openedNotice(subject, { now, deadline: deadline() }, card));
  }

  /** Something happened, at `now` in milliseconds since the epoch. */
  hear(event: LogEvent, now: number): void {
    const state = this.#state;
    if (state.kind !== 'open' || this.#isOldNews(event, now)) return;
    // A warning says itself how much is left.
    const deadline = event.kind === 'warning' ? now + event.remainingMs : state.deadline();
    const notice = noticeFrom(state.subject, { now, deadline }, event);
    if (notice === undefined) return;
    // It does not queue behind the others: there is little time left.
    if (notice.kind === 'ended') this.#state = { kind: 'ended', last: notice };
    else this.#push(notice);
  }

  /** Tells the end. Resolves when it is told, or after LAST_NOTICES_WITHIN_MS. */
  async close(): Promise<void> {
    const last = this.#state.kind === 'ended' ? this.#state.last : undefined;
    await Promise.all(this.#webhooks.map((webhook) => webhook.close(last)));
  }

  #push(notice: Notice): void {
    for (const webhook of this.#webhooks) webhook.push(notice);
  }

  #isOldNews(event: LogEvent, now: number): boolean {
    switch (event.kind) {
      case 'logged_in': {
        const who = JSON.stringify([event.user.rawTextToParse(), event.address]);
        const before = this.#joined.get(who);
        if (before !== undefined && now - before < JOINED_AGAIN_AFTER_MS) return true;
        if (this.#joined.size >= MAX_REMEMBERED_JOINED) this.#joined.clear();
        this.#joined.set(who, now);
        return false;
      }
      case 'warning': {
        const deadline = now + event.remainingMs;
        if (Math.abs(deadline - this.#toldDeadline) < SAME_DEADLINE_MS) return true;
        this.#toldDeadline = deadline;
        return false;
      }
      default:
        return false;
    }
  }
}
