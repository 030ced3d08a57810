// The identity token of GitHub Actions: the runner names a URL that gives one for an audience.
//
// As the actions toolkit asks for it (actions/toolkit, packages/core/src/oidc-utils.ts): GET with a bearer token, and
// `{"value": TOKEN}` in the answer. Forgejo's and Gitea's runners have the same.
import { isPrivateWay } from '#shared/identity/proof-way.ts';
import type { Environment } from '#shared/machine/environment.ts';
import { readBounded } from '#shared/outbound/bounded-body.ts';
import { faultText } from '#shared/text/fault-text.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import { printable } from '#shared/text/printable.ts';
import { Backoff } from '#shared/time/backoff.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import type { HadToken, TokenSource } from './id-token-maker.ts';

/** The longest answer that is read, in bytes; a token has about 2 KiB. */
export const MAX_TOKEN_ANSWER_BYTES = 64 * 1_024;

/** Of one attempt, in milliseconds. */
export const TOKEN_FETCH_TIMEOUT_MS = 10_000;

/** GitHub asks for patience now and then. */
export const TOKEN_FETCH_ATTEMPTS = 4;

const BACKOFF = { firstMs: 500, maxMs: 4_000 } as const;

/** What was fetched; the body is read here, and may be left. */
interface TokenAnswer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Fetches through the proxies of the environment. A header goes to the origin of `url` only. */
export type TokenFetch = (
  url: string,
  init: {
    readonly signal: AbortSignal;
    readonly allowsHttp: boolean;
    readonly headers: Readonly<Record<string, string>>;
  },
) => Promise<TokenAnswer>;

export interface GithubTokenOptions {
  readonly env: Environment;
  readonly fetch: TokenFetch;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What a job says that may not have one. */
const NOT_PERMITTED =
  'GitHub gives this job no identity token: write `permissions: { contents: read, id-token: write }` into the job (a pull request from a fork gets none)';

/** Asks GitHub for one. */
export function githubTokenSource({ env, fetch, clock, random }: GithubTokenOptions): TokenSource {
  return async (audience, signal) => {
    const base = env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? '';
    const secret = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? '';
    if (base === '' || secret === '') return final(NOT_PERMITTED);
    const url = URL.parse(base);
    if (url === null || !/^[!-~]+$/.test(secret)) {
      return final(
        'ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not as GitHub sets them',
      );
    }
    if (!isPrivateWay(url, undefined)) {
      return final(
        `ACTIONS_ID_TOKEN_REQUEST_URL is not https: a token would be read on its way from ${url.host}`,
      );
    }
    url.searchParams.set('audience', audience);
    const backoff = new Backoff({ ...BACKOFF, random });
    for (let attempt = 1; ; attempt += 1) {
      const had = await fetchOnce(url, secret);
      if (had.kind === 'token' || !had.passes || attempt === TOKEN_FETCH_ATTEMPTS || signal.aborted)
        return had;
      await pause(clock, backoff.next(), signal);
    }

    async function fetchOnce(url: URL, secret: string): Promise<HadToken> {
      const timeout = new AbortController();
      const cancel = clock.after(TOKEN_FETCH_TIMEOUT_MS, () => {
        timeout.abort(new Error(`no answer within ${TOKEN_FETCH_TIMEOUT_MS / 1_000} s`));
      });
      try {
        const { status, body } = await fetch(url.href, {
          signal: AbortSignal.any([timeout.signal, signal]),
          allowsHttp: url.protocol === 'http:',
          headers: { authorization: `Bearer ${secret}`, accept: 'application/json' },
        });
        const text = (await readBounded(body, MAX_TOKEN_ANSWER_BYTES))?.toString('utf8');
        if (status < 200 || status > 299) {
          const passes = status >= 500 || status === 429;
          return {
            kind: 'none',
            message: `${url.host} gives no identity token: it answered ${status}`,
            passes,
          };
        }
        const { value } = parseRecord(text ?? '') ?? {};
        if (typeof value === 'string') return { kind: 'token', token: value };
        return final(`${url.host} gives no identity token: there is none in its answer`);
      } catch (error) {
        const why = printable(faultText(timeout.signal.aborted ? timeout.signal.reason : error));
        return { kind: 'none', message: `${url.host} gives no identity token: ${why}`, passes: true };
      } finally {
        cancel();
      }
    }
  };
}

function final(message: string): HadToken {
  return { kind: 'none', message, passes: false };
}
