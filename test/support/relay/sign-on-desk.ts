// The sign-on of a relay by script: a person who is there or not, tokens that are made and refreshed, and what was asked.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { REFUSALS, type RefusalCode } from '#shared/protocol/refusals.ts';

const HOUR_MS = 3_600_000;

/** Answers below `/sign-on`; `token N` of its tokens is good while N is the newest. */
export class SignOnDesk {
  /** What was asked: the last word of the path, and the refresh token behind it. */
  readonly asked: string[] = [];
  /** Whether the person has typed the code. */
  isPersonDone = true;
  /** Of the questions for a token, and for another one. */
  refusals: { token?: RefusalCode; refresh?: RefusalCode } = {};
  /** In place of the answer to `device`. */
  device: object | string | undefined;
  /** How long its tokens are good. */
  lifeMs = HOUR_MS;
  #made = 0;

  /** The newest token. */
  get token(): string {
    return `token-${this.#made}`;
  }

  readonly serve: RequestListener = (request, response) => {
    void this.#serve(request, response);
  };

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const question = JSON.parse(text === '' ? '{}' : text) as { refresh?: string };
    const path = `${request.method} ${request.url}`;
    const word = /^POST \/sign-on\/(device|token|refresh)$/.exec(path)?.[1];
    this.asked.push(question.refresh === undefined ? (word ?? path) : `${word} ${question.refresh}`);
    const refusal = word === 'token' || word === 'refresh' ? this.refusals[word] : undefined;
    if (word === undefined) return answer(response, 404, { code: 'not_found', message: 'nothing here' });
    if (refusal !== undefined)
      return answer(response, REFUSALS[refusal].status, { code: refusal, message: `says ${refusal}` });
    if (word === 'device') return answer(response, 200, this.device ?? deviceSignOn());
    if (word === 'token' && !this.isPersonDone) return answer(response, 200, { pending: true });
    this.#made++;
    const refresh = `refresh-${this.#made}`;
    return answer(response, 200, { token: this.token, refresh, expiresAt: Date.now() + this.lifeMs });
  }
}

/** What a relay says of a sign-on that has begun; the person is asked every second. */
export function deviceSignOn(): object {
  return {
    verificationUri: 'https://login.example/device',
    userCode: 'WDJB-MJHT',
    handle: 'handle',
    intervalSeconds: 1,
    expiresSeconds: 600,
  };
}

function answer(response: ServerResponse, status: number, body: object | string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
