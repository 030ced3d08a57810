// The record at an endpoint: batched, repeated until it is taken, bounded, and never sent on to somebody else.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Environment } from '#shared/machine/environment.ts';
import { AuditTrail, LAST_AUDIT_WITHIN_MS } from '../../../services/relay/audit/audit-trail.ts';
import {
  BATCH_LINGER_MS,
  ENDPOINT_ANSWER_WITHIN_MS,
  ENDPOINT_BATCH,
  EndpointSink,
} from '../../../services/relay/audit/endpoint-sink.ts';
import { readAuditLines } from '../../support/audit/audit-file.ts';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import { freePort } from '../../support/network/ports.ts';
import { openClient, startRelay } from '../../support/relay/relay.ts';
import { ManualClock } from '../../support/time/manual-clock.ts';
import { until } from '../../support/time/poll.ts';

interface Request {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let clock: ManualClock;
let server: Server;
let url: URL;
let folder: string;
let requests: Request[];
let answer: (reply: ServerResponse, request: Request) => void;
let failures: string[];
let lost: number;

beforeEach(async () => {
  clock = new ManualClock(Date.UTC(2026, 10, 29));
  [requests, failures, lost] = [[], [], 0];
  answer = (reply) => reply.writeHead(204).end();
  folder = await mkdtemp(join(tmpdir(), 'audit-endpoint-'));
  server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const whole = { headers: request.headers, body: Buffer.concat(chunks).toString() };
      requests.push(whole);
      answer(reply, whole);
    });
  });
  await listen();
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function listen(port = 0): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/in`);
}

function trailTo({
  tokenFile,
  maxBacklogBytes = 100_000,
  proxies = {},
}: {
  tokenFile?: string;
  maxBacklogBytes?: number;
  proxies?: Environment;
} = {}) {
  const none = (): void => undefined;
  return new AuditTrail({
    pod: 'pod-a',
    clock,
    log: { info: none, warn: none, error: none },
    recorder: {
      auditRecorded: none,
      auditLost(count) {
        lost += count;
      },
      auditFailed: none,
    },
    sink: (events) =>
      new EndpointSink({
        url,
        tokenFile,
        proxies,
        clock,
        random: () => 0.999,
        maxBacklogBytes,
        events: {
          ...events,
          onFailure(detail) {
            failures.push(detail);
            events.onFailure(detail);
          },
        },
      }),
  });
}

const record = (trail: AuditTrail, epoch: number): void =>
  trail.record({
    event: 'agent_unlinked',
    id: 'job',
    epoch,
    address: '192.0.2.1',
    reason: 'lost',
    seconds: 1,
  });

const epochsOf = ({ body }: Request): unknown[] => readAuditLines(body).map(({ epoch }) => epoch);

/** A request is there and answered within so many turns of the event loop, however late they come. */
const TURNS_OF_A_STEP = 10;

/** Lets the network go on, and time by `stepMs` at each look. */
async function pass(what: string, condition: () => boolean, stepMs: number): Promise<void> {
  await until(what, async () => {
    clock.advance(stepMs);
    for (let turn = 0; turn < TURNS_OF_A_STEP; turn += 1) await setImmediate();
    return condition();
  });
}

test('lines that come together go together, as lines of JSON, with the token of this moment', async () => {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, 'first\n');
  const trail = trailTo({ tokenFile });
  record(trail, 1);
  record(trail, 2);
  clock.advance(BATCH_LINGER_MS);
  await until('the first request', () => requests.length === 1);
  await writeFile(tokenFile, 'second\n');
  record(trail, 3);
  await pass('the second request', () => requests.length === 2, 100);
  expect(requests.map(epochsOf)).toEqual([[1, 2], [3]]);
  expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
  expect(requests[0]?.headers['content-type']).toBe('application/x-ndjson');
});

test.each(['', 'hunter2\nhunter2', 'hunter2 of the test', 'hunter2\u2019'])(
  'a file that has no token is named, and what is in it is not told: %j',
  async (text) => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, text);
    const trail = trailTo({ tokenFile });
    record(trail, 1);
    await pass('the failure', () => failures.length > 0, BATCH_LINGER_MS);
    expect(failures[0]).toBe(`${tokenFile} must have one line with a token, without spaces`);
    expect(requests).toEqual([]);
    await writeFile(tokenFile, 'good\n');
    await pass('the request', () => requests.length > 0, 1_000);
    expect(requests[0]?.headers.authorization).toBe('Bearer good');
    await trail.close();
  },
);

test('an endpoint that fails gets the same batch under the same key, at growing intervals, until it takes it', async () => {
  const statuses = [500, 429, 401, 302, 204];
  const at: number[] = [];
  answer = (reply) => {
    at.push(clock.now());
    reply.writeHead(statuses[at.length - 1] ?? 204, { location: `${url.origin}/elsewhere` }).end();
  };
  const trail = trailTo();
  record(trail, 1);
  await pass('five requests', () => requests.length === 5, 50);
  expect(requests.map(epochsOf)).toEqual([[1], [1], [1], [1], [1]]);
  expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
  expect(failures).toEqual([500, 429, 401, 302].map((status) => `the endpoint answered ${status}`));
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  record(trail, 2);
  await pass('the next batch', () => requests.length === 6, 100);
  expect(requests[5]?.headers['idempotency-key']).not.toBe(requests[0]?.headers['idempotency-key']);
  expect(lost).toBe(0);
});

test('one on the internet is asked through the proxy of the environment, and one on this machine is not', async () => {
  const proxy = await startConnectProxy();
  onTestFinished(() => proxy.close());
  const proxies = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, HTTP_PROXY: 'http://127.0.0.1:9' };
  const near = trailTo({ proxies });
  record(near, 1);
  clock.advance(BATCH_LINGER_MS);
  await until('it is asked', () => requests.length === 1);
  const { port } = url;
  url = new URL(`https://siem.test:${port}/in`);
  const far = trailTo({ proxies });
  record(far, 2);
  clock.advance(BATCH_LINGER_MS);
  await until('the proxy is asked', () => failures.length === 1);
  expect([proxy.tunnels, requests.length]).toEqual([[`siem.test:${port}`], 1]);
});

test('one that is gone gets all when it is back', async () => {
  server.close();
  const port = await freePort();
  url = new URL(`http://127.0.0.1:${port}/in`);
  const trail = trailTo();
  for (let epoch = 1; epoch <= 10; epoch += 1) record(trail, epoch);
  await pass('a failure', () => failures.length > 1, 100);
  await listen(port);
  await pass('all lines', () => requests.flatMap(epochsOf).length === 10, 100);
  expect(lost).toBe(0);
});

test('one that does not answer is asked again', async () => {
  const held: ServerResponse[] = [];
  answer = (reply) => void held.push(reply);
  const trail = trailTo();
  record(trail, 1);
  await pass('the first request', () => requests.length === 1, 100);
  answer = (reply) => reply.writeHead(200).end('thanks');
  await pass('the second', () => requests.length === 2, ENDPOINT_ANSWER_WITHIN_MS / 4);
  expect(failures).toEqual([`no answer within ${ENDPOINT_ANSWER_WITHIN_MS / 1_000} s`]);
});

test('past the bound lines are lost, and the first request after it says how many', async () => {
  answer = (reply) => reply.writeHead(503).end();
  const trail = trailTo({ maxBacklogBytes: 4_096 });
  for (let epoch = 1; epoch <= 100; epoch += 1) record(trail, epoch);
  await pass('a failure', () => failures.length > 0, 100);
  expect(trail.waitingBytes).toBeLessThanOrEqual(4_096);
  answer = (reply) => reply.writeHead(204).end();
  const lines = () => requests.slice(failures.length).flatMap(({ body }) => readAuditLines(body));
  await pass('what is lost', () => lines().some(({ event }) => event === 'audit_lost'), 100);
  expect(lines().length - 1 + lost).toBe(100);
  expect(lines().at(-1)).toMatchObject({ event: 'audit_lost', count: lost });
});

test('a batch that the endpoint will never take is given up, said to be lost, and holds up nothing', async () => {
  answer = (reply, { body }) => reply.writeHead(body.includes('"epoch":1,') ? 400 : 204).end();
  const trail = trailTo();
  record(trail, 1);
  await pass('the refusal', () => lost === 1, 100);
  record(trail, 2);
  await pass('the others', () => requests.length === 2, 100);
  const lines = readAuditLines(requests[1]?.body ?? '');
  expect(lines).toMatchObject([{ event: 'audit_lost', count: 1 }, { epoch: 2 }]);
});

test('no request is longer than it may be', async () => {
  const trail = trailTo({ maxBacklogBytes: 10_000_000 });
  const message = 'x'.repeat(1_000);
  for (let n = 0; n < 2_000; n += 1)
    trail.record({ event: 'operator_acted', by: message, action: 'block', target: String(n) });
  await pass('all lines', () => requests.flatMap(({ body }) => readAuditLines(body)).length === 2_000, 100);
  for (const { body } of requests) {
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(ENDPOINT_BATCH.bytes);
    expect(body.split('\n').length - 1).toBeLessThanOrEqual(ENDPOINT_BATCH.lines);
  }
});

test('a relay that ends hands over what waits, and does not wait for ever', async () => {
  const trail = trailTo();
  record(trail, 1);
  await trail.close();
  expect(requests.map(epochsOf)).toEqual([[1]]);

  answer = () => undefined;
  const other = trailTo();
  record(other, 2);
  let isClosed = false;
  const closing = other.close().then(() => {
    isClosed = true;
  });
  await pass('the end', () => isClosed, LAST_AUDIT_WITHIN_MS / 10);
  await closing;
  expect(lost).toBe(1);
});

test('a relay that drains has told all that happened, to its last line', async () => {
  const relay = await startRelay({ env: { AUDIT_TO: url.href } });
  await openClient(relay.port, 'nobody');
  await relay.relay.drain();
  const lines = requests.flatMap(({ body }) => readAuditLines(body));
  expect(lines).toMatchObject([{ event: 'refused', code: 'agent_not_found' }]);
});
