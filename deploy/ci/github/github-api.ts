// GitHub's REST API, as far as the action asks it.
import { wordsOfFetchFault } from './fetch-fault.ts';
import type { StepEnvironment } from './runner-protocol.ts';

/** In milliseconds: a question, from the first byte to the last. The hold of a job must not wait for GitHub. */
export const API_TIMEOUT_MS = 10_000;

export type GithubAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** In words for a person. */
  | { readonly kind: 'failed'; readonly fault: string };

/** `path` begins with a slash; `body` is sent as JSON. */
export type AskGithub = (
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: Readonly<Record<string, unknown>>,
) => Promise<GithubAnswer>;

/** Asks the API of this GitHub, which need not be github.com. Never rejects. */
export function openGithubApi(env: StepEnvironment, token: string): AskGithub {
  const base = (env['GITHUB_API_URL'] || 'https://api.github.com').replace(/\/+$/, '');
  return async (method, path, body) => {
    if (token === '') return { kind: 'failed', fault: 'there is no token' };
    try {
      const response = await fetch(`${base}${path}`, {
        method,
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${token}`,
          'user-agent': 'converge-action',
          'x-github-api-version': '2022-11-28',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(API_TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { kind: 'answer', status: response.status, body: parse(text) };
    } catch (error) {
      return { kind: 'failed', fault: `GitHub's API: ${wordsOfFetchFault(error)}` };
    }
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
