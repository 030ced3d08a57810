// A web page of somebody else, open in the browser of a person who can reach a relay; it wants a stream to their job.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLAIM_HEADER, createClaim } from '#shared/protocol/claim.ts';
import { AGENT_CONTROL } from '#shared/protocol/subprotocols.ts';
import { launchBrowser } from '../support/machine/browser.ts';
import { EchoAgent } from '../support/relay/echo-agent.ts';
import { handshakeText, openRaw, type RunningRelay, startRelay } from '../support/relay/relay.ts';

const ID = 'build-4711';

let browser: Browser;
let site: Server;
let relay: RunningRelay;
let agent: EchoAgent;

beforeAll(async () => {
  browser = await launchBrowser(['--host-resolver-rules=MAP *.test 127.0.0.1']);
  site = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<p>Cute cats</p>'),
  );
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
});
afterAll(async () => {
  await browser.close();
  site.close();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  relay = await startRelay({ env });
  agent = new EchoAgent({ linkPort: relay.port, id: ID });
  await agent.linked();
}

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
});

/** What a script of the page at `address` gets when it opens a WebSocket at `path` of the relay: `open` or `error`. */
async function openFrom(address: string, path: string): Promise<string> {
  const page = await browser.newPage();
  try {
    await page.goto(address);
    const url = JSON.stringify(`ws://relay.test:${relay.port}${path}`);
    return await page.evaluate(
      `new Promise((resolve) => {
        const socket = new WebSocket(${url});
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('error');
      })`,
    );
  } finally {
    await page.close();
  }
}

function foreignPage(): string {
  return `http://cats.test:${(site.address() as AddressInfo).port}/`;
}

/** A document of the relay's own origin that has no policy of its own, as its page has. */
function ownPage(): string {
  return `http://relay.test:${relay.port}/docs/none`;
}

function foreignRefusals(): Promise<number> {
  return relay.metric('converge_refusals_total{code="foreign_origin"}');
}

describe('in Chromium', () => {
  test('the page gets no stream to a job, and no agent is told to bring one', async () => {
    await start();
    expect(await openFrom(foreignPage(), `/client/${ID}`)).toBe('error');
    expect(await foreignRefusals()).toBe(1);
    expect(await relay.metric('converge_session_setup_seconds_count')).toBe(0);
  });

  test('a page of the relay itself does', async () => {
    await start();
    expect(await openFrom(ownPage(), `/client/${ID}`)).toBe('open');
    expect(await foreignRefusals()).toBe(0);
  });

  test('a name that leads to the relay is not its own where PUBLIC_URL says another (DNS rebinding)', async () => {
    await start({ PUBLIC_URL: 'https://relay.example.com' });
    expect(await openFrom(ownPage(), `/client/${ID}`)).toBe('error');
    expect(await foreignRefusals()).toBe(1);
  });
});

describe('below the browser', () => {
  /** The status of the answer to a handshake. */
  async function statusOf(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> {
    using peer = await openRaw(port, handshakeText(path, headers));
    const { promise, resolve } = Promise.withResolvers<string>();
    peer.socket.once('data', (text: string) => resolve(text));
    return Number((await promise).split(' ')[1]);
  }

  const control = { 'Sec-WebSocket-Protocol': AGENT_CONTROL, [CLAIM_HEADER]: createClaim() };

  test.each([
    ['the control link of an agent', '/agent/other', control],
    ['the stream of an agent', `/agent/${ID}/stream/ticket`, {}],
    ['a client', `/client/${ID}`, {}],
    ['a client with a bad ID', '/client/..', {}],
  ])('%s with a foreign Origin is refused before anything else', async (_, path, headers) => {
    await start();
    for (const origin of [
      'https://evil.example',
      'null',
      'http://relay.test.evil.example',
      'relay.test',
      'http://relay.test:8081',
      '',
    ])
      expect(await statusOf(relay.port, path, { ...headers, Origin: origin }), origin).toBe(403);
  });

  test('where PUBLIC_URL says https, a page of that host over plain http is foreign', async () => {
    await start({ PUBLIC_URL: 'https://relay.example.com' });
    for (const origin of [
      'http://relay.example.com',
      'https://relay.example.com:8443',
      'https://relay.example.com.',
    ])
      expect(await statusOf(relay.port, `/client/${ID}`, { Origin: origin }), origin).toBe(403);
  });

  test('a hop with any Origin but its own is refused', async () => {
    await start();
    expect(await statusOf(relay.internalPort, '/hop/nonce', { Origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf(relay.internalPort, '/hop/nonce', {})).toBe(401);
  });

  test.each([
    ['none, as programs send', {}, {}],
    ['that of the host which was asked for', {}, { Origin: 'http://relay.test' }],
    ['the same over TLS that a proxy in front ended', {}, { Origin: 'https://relay.test' }],
    [
      'that of PUBLIC_URL',
      { PUBLIC_URL: 'https://relay.example.com' },
      { Origin: 'https://relay.example.com' },
    ],
  ])('a client whose Origin is %s gets in', async (_, env, headers) => {
    await start(env);
    expect(await statusOf(relay.port, `/client/${ID}`, headers)).toBe(101);
  });
});
