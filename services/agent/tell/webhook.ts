// A webhook: notices go there one after the other, each a few times if need be.
import type { Environment } from '#shared/machine/environment.ts';
import { requestTrusting } from '#shared/outbound/trusting-request.ts';
import { isLoopbackHost } from '#shared/protocol/loopback.ts';
import { parseRetryAfter, spreadWait } from '#shared/protocol/retry-after.ts';
import { faultText } from '#shared/text/fault-text.ts';
import { printableJson } from '#shared/text/printable.ts';
import { Backoff } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { discordBody } from './chat/discord.ts';
import { mattermostBody } from './chat/mattermost.ts';
import { slackBody } from './chat/slack.ts';
import { teamsBody } from './chat/teams.ts';
import type { Notice } from './notice.ts';
import type { NoticeTarget } from './notice-target.ts';

/** How often one notice is tried. */
export const NOTICE_ATTEMPTS = 4;

/** How long an attempt may take, from the look-up of the host to the status of the answer, in milliseconds. */
export const NOTICE_ANSWER_WITHIN_MS = 10_000;

/** How many notices wait for one webhook; of further ones nothing is told. */
export const MAX_WAITING_NOTICES = 16;

/** How long an agent that ends waits for its last notices, in milliseconds. */
export const LAST_NOTICES_WITHIN_MS = 5_000;

/** Between two attempts, in milliseconds, where the answer asks for no other wait. */
const BACKOFF = { firstMs: 2_000, maxMs: 20_000 } as const;

/** What another attempt may change, besides all from 500 on. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

export interface WebhookOptions {
  readonly target: NoticeTarget;
  readonly clock: Clock;
  readonly random: () => number;
  /** HTTPS_PROXY and its like. */
  readonly proxies: Environment;
  readonly complain: (line: string) => void;
}

/** idle -> working -> idle; each -> closed. When idle, nothing waits. */
type State = 'idle' | 'working' | 'closed';

type Answer =
  | { readonly kind: 'taken' }
  /** Another attempt may do better, after `waitMs` if it asks for that. */
  | { readonly kind: 'failed'; readonly detail: string; readonly waitMs: number | undefined }
  | { readonly kind: 'unwanted'; readonly detail: string };

/** What it could not tell it says once for each notice, and by the host alone: the rest of the URL is a secret. */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #waiting: Notice[] = [];
  /** On their way. */
  readonly #unsettled = new Set<Notice>();
  readonly #closed = new AbortController();
  #state: State = 'idle';
  #work: Promise<void> = Promise.resolve();

  /** Connects to nothing before there is a notice. */
  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Tells it after those that wait. */
  push(notice: Notice): void {
    if (this.#state === 'closed') return;
    if (this.#waiting.length >= MAX_WAITING_NOTICES) {
      return this.#untold(notice, `${MAX_WAITING_NOTICES} others wait already`);
    }
    this.#waiting.push(notice);
    if (this.#state === 'working') return;
    this.#state = 'working';
    this.#work = this.#tellWaiting();
  }

  /** Tells `last` at once, beside those that wait. Resolves when all are told, after LAST_NOTICES_WITHIN_MS at the latest. */
  async close(last: Notice | undefined): Promise<void> {
    if (this.#state === 'closed') return;
    const before = this.#work;
    this.#state = 'closed';
    const settled = Promise.all([before, last === undefined ? undefined : this.#tell(last)]);
    const done = new AbortController();
    await Promise.race([settled, pause(this.#options.clock, LAST_NOTICES_WITHIN_MS, done.signal)]);
    done.abort();
    this.#closed.abort(new Error('the agent ends'));
    // What was given up has been said.
    for (const notice of [...this.#unsettled, ...this.#waiting]) {
      this.#untold(notice, `not told within ${LAST_NOTICES_WITHIN_MS / 1_000} s of the end`);
    }
  }

  async #tellWaiting(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#tell(next);
    }
    if (this.#state === 'working') this.#state = 'idle';
  }

  async #tell(notice: Notice): Promise<void> {
    this.#unsettled.add(notice);
    await this.#tryToTell(notice);
    this.#unsettled.delete(notice);
  }

  async #tryToTell(notice: Notice): Promise<void> {
    const { clock, random } = this.#options;
    const backoff = new Backoff({ ...BACKOFF, random });
    for (let attempt = 1; !this.#closed.signal.aborted; attempt += 1) {
      const answer = await this.#send(notice);
      if (answer.kind === 'taken' || this.#closed.signal.aborted) return;
      if (answer.kind === 'unwanted') return this.#untold(notice, answer.detail);
      if (attempt >= NOTICE_ATTEMPTS) return this.#untold(notice, `${answer.detail} (${attempt} attempts)`);
      const waitMs = answer.waitMs === undefined ? backoff.next() : spreadWait(answer.waitMs, random);
      await pause(clock, waitMs, this.#closed.signal);
    }
  }

  async #send(notice: Notice): Promise<Answer> {
    const { target, clock, proxies } = this.#options;
    const { url } = target;
    const late = new AbortController();
    const cancel = clock.after(NOTICE_ANSWER_WITHIN_MS, () => {
      late.abort(new Error(`no answer within ${NOTICE_ANSWER_WITHIN_MS / 1_000} s`));
    });
    try {
      const response = await requestTrusting(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'converge-agent' },
        body: printableJson(JSON.stringify(bodyFor(target, notice))),
        signal: AbortSignal.any([late.signal, this.#closed.signal]),
        // What is on this machine no proxy reaches.
        proxies: isLoopbackHost(url.hostname) ? {} : proxies,
      });
      const { statusCode: status = 0, headers } = response;
      response.destroy();
      return answerFrom(status, headers.location, parseRetryAfter(status, headers['retry-after']), url);
    } catch (error) {
      return { kind: 'failed', detail: faultText(error), waitMs: undefined };
    } finally {
      cancel();
    }
  }

  #untold({ kind }: Notice, why: string): void {
    this.#options.complain(`notify ${this.#options.target.url.host}: "${kind}" was not told: ${why}`);
  }
}

function answerFrom(
  status: number,
  location: string | undefined,
  waitMs: number | undefined,
  url: URL,
): Answer {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (status >= 300 && status < 400) {
    const to = location === undefined ? null : URL.parse(location, url.href);
    const where = to === null ? 'elsewhere' : `to ${to.protocol}//${to.host}`;
    return { kind: 'unwanted', detail: `it redirects ${where}, which is not followed; give the URL there` };
  }
  const detail = `it answered ${status}`;
  if (status >= 500 || PASSING_STATUSES.has(status)) return { kind: 'failed', detail, waitMs };
  return { kind: 'unwanted', detail: `${detail}; check the URL` };
}

function bodyFor({ form }: NoticeTarget, notice: Notice): object {
  switch (form) {
    case 'json':
      return notice.body;
    case 'slack':
      return slackBody(notice);
    case 'mattermost':
      return mattermostBody(notice);
    case 'teams':
      return teamsBody(notice);
    case 'discord':
      return discordBody(notice);
  }
}
