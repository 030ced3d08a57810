// The keys of issuers: fetched when they are needed, kept as long as they are good, and never at a stranger's pace.
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type FetchFault,
  issuerGet,
  MAX_ISSUER_ANSWER_BYTES,
} from '../../../../../services/relay/identity/oidc/issuer-get.ts';
import {
  FETCH_KEYS_EVERY_MS,
  FETCH_KEYS_WITHIN_MS,
  IssuerKeys,
  KEYS_STALE_MS,
  type KeyAnswer,
  MAX_TOKENS_WAITING,
  RETRY_KEYS_EVERY_MS,
} from '../../../../../services/relay/identity/oidc/issuer-keys.ts';
import { discoveryUrlOf } from '../../../../../services/relay/identity/oidc/issuer-url.ts';
import {
  KEYS_FRESH_MS,
  MAX_KEYS_FRESH_MS,
  MIN_KEYS_FRESH_MS,
} from '../../../../../services/relay/identity/oidc/key-fetch.ts';
import { MAX_ISSUER_KEYS } from '../../../../../services/relay/identity/oidc/key-set.ts';
import { startConnectProxy } from '../../../../support/network/connect-proxy.ts';
import {
  answerJson,
  DISCOVERY_PATH,
  type IssuerPage,
  KEYS_PATH,
  makeIssuerKey,
  TestIssuer,
} from '../../../../support/relay/test-issuer.ts';
import { ManualClock } from '../../../../support/time/manual-clock.ts';
import { until } from '../../../../support/time/poll.ts';

const FIRST = makeIssuerKey('first');
const SECOND = makeIssuerKey('second');

let issuer: TestIssuer;
let clock: ManualClock;
let keys: IssuerKeys;
let outcomes: string[];
let warnings: Record<string, unknown>[];

beforeEach(async () => {
  issuer = await TestIssuer.start([FIRST]);
  clock = new ManualClock();
  outcomes = [];
  warnings = [];
  keys = keysOf(issuer.url);
});
afterEach(async () => issuer[Symbol.asyncDispose]());

function keysOf(url: string): IssuerKeys {
  return new IssuerKeys(url, {
    clock,
    get: issuerGet({}),
    recorder: { keysFetched: (outcome) => outcomes.push(outcome) },
    log: { warn: (fields) => warnings.push(fields) },
  });
}

function find(keyId = 'first'): Promise<KeyAnswer> {
  return keys.find(keyId, 'ES256');
}

async function kindOf(keyId?: string): Promise<KeyAnswer['kind']> {
  return (await find(keyId)).kind;
}

function failKeys(): void {
  issuer.pages.set(KEYS_PATH, (_request, response) => response.writeHead(500).end());
}

test('nobody asks the issuer before a token does; then its keys are there for all', async () => {
  expect(issuer.asked).toEqual([]);
  expect(await kindOf()).toBe('found');
  expect(await kindOf()).toBe('found');
  expect(issuer.asked).toEqual([DISCOVERY_PATH, KEYS_PATH]);
  expect(outcomes).toEqual(['fetched']);
});

test('many tokens at once are one fetch', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => kindOf()));
  expect(new Set(answers)).toEqual(new Set(['found']));
  expect(issuer.fetches).toBe(1);
});

test('an unknown key is asked for once a minute, whoever asks and however often', async () => {
  await find();
  for (let minute = 1; minute <= 3; minute += 1) {
    clock.advance(FETCH_KEYS_EVERY_MS - 1);
    for (let i = 0; i < 20; i += 1) expect(await kindOf(`made-up-${i}`)).toBe('unknown');
    expect(issuer.fetches).toBe(minute);
    clock.advance(1);
    const kinds = await Promise.all(Array.from({ length: 20 }, (_, i) => kindOf(`made-up-${i}`)));
    expect(new Set(kinds)).toEqual(new Set(['unknown']));
    expect(issuer.fetches).toBe(minute + 1);
  }
  // Meanwhile whoever has a known key waits for nothing.
  expect(await kindOf()).toBe('found');
  expect(issuer.fetches).toBe(4);
});

test('a new key of the issuer counts with the first token by it, once the minute is over', async () => {
  await find();
  issuer.keys = [SECOND];
  clock.advance(1);
  expect(await find('second')).toEqual({ kind: 'unknown', retryMs: FETCH_KEYS_EVERY_MS - 1 });
  clock.advance(FETCH_KEYS_EVERY_MS - 1);
  expect(await kindOf('second')).toBe('found');
  expect(await kindOf('first')).toBe('unknown');
});

test.each<[string | undefined, string | undefined, number]>([
  [undefined, undefined, KEYS_FRESH_MS],
  ['public, max-age=7200', undefined, 7_200_000],
  ['max-age="7200"', '3600', 3_600_000],
  ['max-age=1', undefined, MIN_KEYS_FRESH_MS],
  ['max-age=7200, no-cache', undefined, MIN_KEYS_FRESH_MS],
  ['no-store', undefined, MIN_KEYS_FRESH_MS],
  ['max-age=999999999', undefined, MAX_KEYS_FRESH_MS],
  ['max-age=7200', '999999', MIN_KEYS_FRESH_MS],
  ['max-age=soon', 'old', KEYS_FRESH_MS],
  ['s-maxage', undefined, KEYS_FRESH_MS],
])('fresh as the issuer asks, within bounds: %s, age %s', async (control, age, freshMs) => {
  issuer.pages.set(KEYS_PATH, (_request, response) => {
    if (control !== undefined) response.setHeader('cache-control', control);
    if (age !== undefined) response.setHeader('age', age);
    answerJson(response, issuer.jwks);
  });
  await find();
  clock.advance(freshMs - 1);
  await find();
  expect(issuer.fetches).toBe(1);
  clock.advance(1);
  issuer.keys = [SECOND];
  // A key that the issuer has withdrawn is out with the first token after that.
  expect(await kindOf()).toBe('unknown');
  expect(issuer.fetches).toBe(2);
});

test('keys count for a day after they were fresh if the issuer is away, and no longer', async () => {
  await find();
  failKeys();
  clock.advance(KEYS_FRESH_MS);
  expect(await kindOf()).toBe('found');
  expect(outcomes).toEqual(['fetched', 'bad_status']);
  // Nobody knows whether another key exists by now.
  expect(await kindOf('second')).toBe('unavailable');
  clock.advance(KEYS_STALE_MS - 1);
  expect(await kindOf()).toBe('found');
  clock.advance(1);
  expect(await kindOf()).toBe('unavailable');
});

test('without any keys the issuer is asked again after a shorter pause', async () => {
  failKeys();
  expect(await find()).toEqual({ kind: 'unavailable', retryMs: RETRY_KEYS_EVERY_MS });
  for (let i = 0; i < 10; i += 1) await find();
  clock.advance(RETRY_KEYS_EVERY_MS - 1);
  expect(await find()).toEqual({ kind: 'unavailable', retryMs: 1 });
  expect(issuer.fetches).toBe(1);
  issuer.pages.set(KEYS_PATH, (_request, response) => {
    answerJson(response, issuer.jwks);
  });
  clock.advance(1);
  expect(await kindOf()).toBe('found');
  expect(issuer.fetches).toBe(2);
});

test.each<[string, string, IssuerPage, FetchFault]>([
  ['gone', KEYS_PATH, (_, response) => response.writeHead(404).end(), 'bad_status'],
  ['empty', KEYS_PATH, (_, response) => response.writeHead(204).end(), 'bad_status'],
  ['moved', KEYS_PATH, redirect, 'redirected'],
  ['moved for good', DISCOVERY_PATH, redirect, 'redirected'],
  ['hanging up', KEYS_PATH, (_, response) => response.destroy(), 'unreachable'],
  ['hanging up halfway', KEYS_PATH, cutHalfway, 'unreachable'],
  ['huge', KEYS_PATH, (_, response) => response.end(Buffer.alloc(MAX_ISSUER_ANSWER_BYTES + 1)), 'too_large'],
  ['without an end', DISCOVERY_PATH, writeForEver, 'too_large'],
  ['no JSON', KEYS_PATH, (_, response) => response.end('<html>'), 'malformed'],
  ['no key set', KEYS_PATH, json({ keys: 'first' }), 'malformed'],
  ['a list', KEYS_PATH, json([FIRST.jwk]), 'malformed'],
  ['no keys', KEYS_PATH, json({ keys: [] }), 'malformed'],
  ['no usable keys', KEYS_PATH, json({ keys: [null, 7, { kty: 'oct', k: 'AA' }] }), 'malformed'],
  ['many keys', KEYS_PATH, json({ keys: Array(MAX_ISSUER_KEYS + 1).fill(FIRST.jwk) }), 'malformed'],
  ['a list as discovery', DISCOVERY_PATH, json([]), 'malformed'],
])('an issuer that is %s has no keys', async (_what, path, page, fault) => {
  issuer.pages.set(path, page);
  expect(await kindOf()).toBe('unavailable');
  expect(outcomes).toEqual([fault]);
  expect(warnings).toEqual([expect.objectContaining({ issuer: issuer.url, fault })]);
  // What it was asked for is the two documents, wherever its answers lead.
  expect([DISCOVERY_PATH, KEYS_PATH]).toEqual(expect.arrayContaining(issuer.asked));
});

test('what another issuer says of its keys does not count for this one', async () => {
  for (const named of ['https://other.example.com', `${issuer.url}/`, undefined, [issuer.url]]) {
    issuer.pages.set(DISCOVERY_PATH, json({ ...issuer.document, issuer: named }));
    keys = keysOf(issuer.url);
    expect(await kindOf()).toBe('unavailable');
  }
  expect(new Set(outcomes)).toEqual(new Set(['malformed']));
  expect(issuer.fetches).toBe(0);
});

test.each([
  ['http', 'http://192.0.2.1/keys'],
  ['a file', 'file:///etc/passwd'],
  ['another port of this machine', 'http://127.0.0.1:9/keys'],
  ['a word', 'keys'],
  ['nothing', undefined],
  ['a number', 7],
])('keys at %s are not asked for', async (_what, where) => {
  issuer.pages.set(DISCOVERY_PATH, json({ issuer: issuer.url, jwks_uri: where }));
  expect(await kindOf()).toBe('unavailable');
  expect(outcomes).toEqual(['malformed']);
});

test.each([DISCOVERY_PATH, KEYS_PATH])('an issuer that is slow at %s is given up', async (path) => {
  let slow: ServerResponse | undefined;
  issuer.pages.set(path, (_request, response) => {
    slow = response;
    // Something comes, but never all of it.
    response.write('{');
  });
  const answer = kindOf();
  const another = kindOf();
  await until('the issuer is asked', () => slow !== undefined);
  clock.advance(FETCH_KEYS_WITHIN_MS - 1);
  expect(outcomes).toEqual([]);
  clock.advance(1);
  expect(await answer).toBe('unavailable');
  expect(await another).toBe('unavailable');
  expect(outcomes).toEqual(['too_slow']);
  expect(clock.pending).toBe(0);
  await until('the connection is given up', () => slow?.destroyed === true);
});

test('so many tokens may wait for keys, and no more', async () => {
  let slow: ServerResponse | undefined;
  issuer.pages.set(KEYS_PATH, (_request, response) => {
    slow = response;
  });
  const waiting = Array.from({ length: MAX_TOKENS_WAITING }, () => kindOf());
  expect(await kindOf()).toBe('unavailable');
  await until('the issuer is asked', () => slow !== undefined);
  if (slow !== undefined) answerJson(slow, issuer.jwks);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['found']));
  expect(await kindOf()).toBe('found');
});

test('an issuer on the internet is asked through the proxy of the environment, by TLS', async () => {
  const proxy = await startConnectProxy();
  try {
    const get = issuerGet({ https_proxy: `http://127.0.0.1:${proxy.port}` });
    const port = new URL(issuer.url).port;
    const answer = await get(new URL(`https://issuer.test:${port}/`), AbortSignal.timeout(10_000));
    expect(answer).toMatchObject({ kind: 'failed', fault: 'unreachable' });
    expect(proxy.tunnels).toEqual([`issuer.test:${port}`]);
    expect(issuer.asked).toEqual([]);
  } finally {
    await proxy.close();
  }
});

test('an issuer on this machine needs no proxy, and nothing but this machine is asked by http', async () => {
  const get = issuerGet({ http_proxy: 'http://127.0.0.1:9' });
  const signal = AbortSignal.timeout(10_000);
  expect(await get(new URL(`${issuer.url}${KEYS_PATH}`), signal)).toHaveProperty('kind', 'answered');
  expect(await get(new URL('http://192.0.2.1/'), signal)).toHaveProperty('fault', 'malformed');
});

test.each([
  ['https://token.actions.githubusercontent.com', 'https://token.actions.githubusercontent.com/'],
  ['https://github.example.com/_services/token', 'https://github.example.com/_services/token/'],
  ['https://login.example.com/', 'https://login.example.com/'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/'],
  ['http://[::1]:8080', 'http://[::1]:8080/'],
  ['http://localhost:8080', 'http://localhost:8080/'],
])('the issuer %s says at %s… where its keys are', (issuer, at) => {
  expect(discoveryUrlOf(issuer)?.href).toBe(`${at}.well-known/openid-configuration`);
});

test.each([
  'http://gitlab.example.com',
  'http://127.0.0.1.example.com',
  'http://localhost.example.com',
  'ftp://127.0.0.1',
  'gitlab.example.com',
  '',
])('the issuer %s is not asked', async (url) => {
  keys = keysOf(url);
  expect(await kindOf()).toBe('unavailable');
  expect(outcomes).toEqual(['malformed']);
});

function json(value: unknown): IssuerPage {
  return (_request, response) => {
    answerJson(response, value);
  };
}

function redirect(_request: unknown, response: ServerResponse): void {
  response.writeHead(302, { location: '/elsewhere' }).end();
}

function cutHalfway(_request: unknown, response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '100' });
  response.write('{', () => response.destroy());
}

function writeForEver(_request: unknown, response: ServerResponse): void {
  const chunk = Buffer.alloc(16_384, ' ');
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', write);
  write();
}
