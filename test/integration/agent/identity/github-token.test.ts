// The identity token of GitHub Actions, from a server that answers as GitHub's does, and as it should not.
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchThroughProxies } from '../../../../services/agent/access/proxied-fetch.ts';
import {
  githubTokenSource,
  MAX_TOKEN_ANSWER_BYTES,
  TOKEN_FETCH_ATTEMPTS,
  TOKEN_FETCH_TIMEOUT_MS,
} from '../../../../services/agent/identity/github-token.ts';
import type { HadToken } from '../../../../services/agent/identity/id-token-maker.ts';
import { PatientClock } from '../../../support/time/patient-clock.ts';
import { until } from '../../../support/time/poll.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const AUDIENCE = 'https://relay.test:8443';
const SECRET = 'request-secret';

let server: http.Server;
let host: string;
let answers: Answer[];
let requests: { url: string; authorization: string | undefined }[];
let clock: PatientClock;
let controller: AbortController;

beforeEach(async () => {
  [answers, requests, controller] = [[], [], new AbortController()];
  clock = new PatientClock(TOKEN_FETCH_TIMEOUT_MS);
  server = http.createServer((request, response) => {
    requests.push({ url: request.url ?? '', authorization: request.headers.authorization });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** Asks for a token; the clock goes on by `stepMs` at each look. */
async function ask(
  url = `http://${host}/token?api-version=2.0`,
  stepMs = 100,
  secret = SECRET,
): Promise<HadToken> {
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret };
  const source = githubTokenSource({ env, fetch: fetchThroughProxies({}), clock, random: () => 0.5 });
  const had: HadToken[] = [];
  void source(AUDIENCE, controller.signal).then((one) => had.push(one));
  for (;;) {
    const [first] = had;
    if (first !== undefined) return first;
    clock.advance(stepMs);
    await setImmediate();
  }
}

const json =
  (status: number, body: unknown): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

test('is asked for with the audience and the secret of the job, and nothing else is sent', async () => {
  answers = [json(200, { count: 1, value: 'the.id.token' })];
  expect(await ask()).toEqual({ kind: 'token', token: 'the.id.token' });
  expect(requests).toEqual([
    {
      url: '/token?api-version=2.0&audience=https%3A%2F%2Frelay.test%3A8443',
      authorization: `Bearer ${SECRET}`,
    },
  ]);
  // Forgejo's URL has no query.
  await ask(`http://${host}/token`);
  expect(requests[1]?.url).toBe('/token?audience=https%3A%2F%2Frelay.test%3A8443');
});

test('is asked for again when the server has trouble, and not for ever', async () => {
  answers = [json(500, {}), json(503, {}), (response) => response.destroy(), json(200, { value: 'a.b.c' })];
  expect(await ask()).toEqual({ kind: 'token', token: 'a.b.c' });
  requests = [];
  answers = [json(502, {})];
  const message = `${host} gives no identity token: it answered 502`;
  expect(await ask()).toEqual({ kind: 'none', message, passes: true });
  expect(requests).toHaveLength(TOKEN_FETCH_ATTEMPTS);
});

test('is asked for once where the answer will be the same', async () => {
  for (const [answer, why] of [
    [json(403, { message: SECRET }), 'it answered 403'],
    [json(200, { value: 7 }), 'there is none in its answer'],
    [json(200, ['a.b.c']), 'there is none in its answer'],
    [json(200, { value: 'x'.repeat(MAX_TOKEN_ANSWER_BYTES) }), 'there is none in its answer'],
  ] as const) {
    answers = [answer];
    requests = [];
    const message = `${host} gives no identity token: ${why}`;
    expect(await ask()).toEqual({ kind: 'none', message, passes: false });
    expect(requests).toHaveLength(1);
  }
});

test('an answer without an end is not read to its end', async () => {
  let isClosed = false;
  answers = [
    (response) => {
      response.on('close', () => {
        isClosed = true;
      });
      const write = (): void => {
        if (!response.destroyed && response.write('x'.repeat(64 * 1_024))) setTimeout(write, 0);
        else response.once('drain', write);
      };
      write();
    },
  ];
  expect(await ask(undefined, 0)).toMatchObject({ kind: 'none', passes: false });
  await until('it is cut', () => isClosed);
});

test('one that does not come is given up', async () => {
  answers = [() => clock.giveUp()];
  const had = await ask();
  expect(had).toEqual({
    kind: 'none',
    message: `${host} gives no identity token: no answer within ${TOKEN_FETCH_TIMEOUT_MS / 1_000} s`,
    passes: true,
  });
});

test('the secret goes to the host that GitHub names, and not where that redirects', async () => {
  const seen: (string | undefined)[] = [];
  await using other = Object.assign(
    http.createServer((request, response) => {
      seen.push(request.headers.authorization);
      json(200, { value: 'a.b.c' })(response, request);
    }),
    { [Symbol.asyncDispose]: () => Promise.resolve(other.close()).then(() => undefined) },
  );
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  answers = [(response) => response.writeHead(302, { location }).end()];
  await ask();
  expect(seen).toEqual([undefined]);
});

test('is not asked for over a way that others can read, nor with what no header can carry', async () => {
  expect(await ask('http://token.test/')).toEqual({
    kind: 'none',
    message: 'ACTIONS_ID_TOKEN_REQUEST_URL is not https: a token would be read on its way from token.test',
    passes: false,
  });
  for (const [url, secret] of [
    ['nonsense', SECRET],
    [`http://${host}/`, 'a\r\nx: y'],
  ])
    expect(await ask(url, 100, secret)).toEqual({
      kind: 'none',
      message: 'ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not as GitHub sets them',
      passes: false,
    });
  expect(requests).toEqual([]);
});

test('nobody waits for it any more once the agent has ended', async () => {
  answers = [() => controller.abort()];
  expect(await ask(undefined, 0)).toMatchObject({ kind: 'none' });
  expect(requests).toHaveLength(1);
});
