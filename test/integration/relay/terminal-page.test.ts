// The terminal page as a relay hands it out: what it may do, what may be kept, who may use it, and how it is switched off.
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bundleTerminal } from '../../../deploy/build/terminal-bundle.ts';
import { openAgent } from '../../support/relay/fake-agent.ts';
import { handshakeText, openClient, openRaw, type RunningRelay } from '../../support/relay/relay.ts';
import { GOOD_PROOF, TestPolicy } from '../../support/relay/test-policy.ts';
import { openRelay } from '../../support/relay/test-relay.ts';

let page: string;

/** The programs that a relay hands out lie beside the page. */
let downloads: string;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'converge-terminal-'));
  downloads = join(folder, 'bin');
  await mkdir(downloads);
  await bundleTerminal(join(folder, 'terminal'));
  return () => rm(folder, { recursive: true });
});

async function open(env: Readonly<Record<string, string>> = {}): Promise<RunningRelay> {
  const relay = await openRelay({ downloads, env });
  page = `http://127.0.0.1:${relay.port}/terminal`;
  return relay;
}

/** What `fetch` unpacks by itself, as it came. */
async function getRaw(url: string, coding: string) {
  const [answer] = (await once(get(url, { headers: { 'accept-encoding': coding } }), 'response')) as [
    IncomingMessage,
  ];
  return { coding: answer.headers['content-encoding'], body: await buffer(answer) };
}

/** Scripts and style, by what the page names them. */
async function assetsOf(
  text: string,
): Promise<readonly { readonly name: string; readonly answer: Response }[]> {
  const names = [...text.matchAll(/(?:href|src)="(assets\/[^"]+)"/g)].map(([, name = '']) => name);
  return await Promise.all(names.map(async (name) => ({ name, answer: await fetch(`${page}/${name}`) })));
}

describe('the page', () => {
  test('is the same for every ID, is kept by nobody, and may load and ask nothing but this relay', async () => {
    await open();
    const answer = await fetch(`${page}/build-4711`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(await (await fetch(`${page}/other`)).text());
    const headers = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
    });
    const policy = headers['content-security-policy'] ?? '';
    for (const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ])
      expect(policy.split('; ')).toContain(directive);
    expect(policy).not.toMatch(/unsafe|https?:/);
  });

  test('names scripts and style by their content, with what a browser checks them by', async () => {
    await open();
    const text = await (await fetch(`${page}/x`)).text();
    const assets = await assetsOf(text);
    expect(assets.map(({ name }) => name.replace(/-[0-9a-f]{16}\./, '.')).sort()).toEqual([
      'assets/terminal.css',
      'assets/terminal.js',
      'assets/terminal.js',
    ]);
    for (const { answer } of assets) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      const digest = await crypto.subtle.digest('SHA-384', await answer.arrayBuffer());
      expect(text).toContain(`integrity="sha384-${Buffer.from(digest).toString('base64')}"`);
    }
    expect(text).not.toMatch(/<script>|<style>|style=|onload=/);
  });

  test('is short on the way: compressed where that is taken, and as it is where it is not', async () => {
    await open();
    const text = await (await fetch(`${page}/x`)).text();
    const [, name = ''] = /src="(assets\/[^"]+)"/.exec(text) ?? [];
    const plain = await getRaw(`${page}/${name}`, 'identity');
    const zipped = await getRaw(`${page}/${name}`, 'gzip, br');
    expect([plain.coding, zipped.coding]).toEqual([undefined, 'gzip']);
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
  });

  test.each(['terminal-0123456789abcdef.js', '..%2f..%2fbin%2fSHA256SUMS', 'terminal-.js'])(
    'has no part %s',
    async (name) => {
      await open();
      const answer = await fetch(`${page}/assets/${name}`);
      expect(answer.status).toBe(404);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    },
  );

  test('refuses what is no ID', async () => {
    await open();
    expect((await fetch(`${page}/.hidden`)).status).toBe(400);
  });
});

describe('an agent', () => {
  test('hears of the page, unless there is none', async () => {
    for (const [env, terminal] of [
      [{}, true],
      [{ TERMINAL: 'off' }, false],
    ] as const) {
      const relay = await open(env);
      using agent = await openAgent(relay.port, 'job');
      expect(agent.messages).toMatchObject([{ type: 'welcome', terminal }]);
    }
  });

  test('hears what is so at that moment: the page may be built, or go, while the relay runs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'converge-replaced-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const terminal = join(folder, 'terminal');
    const relay = await openRelay({ downloads: join(folder, 'bin') });
    const heard: unknown[] = [];
    for (const [index, isThere] of [false, true, false].entries()) {
      if (isThere) {
        await mkdir(terminal);
        await writeFile(join(terminal, 'index.html'), 'a page');
      } else await rm(terminal, { recursive: true, force: true });
      using agent = await openAgent(relay.port, `job-${index}`);
      heard.push(...agent.messages.map((message) => message.type === 'welcome' && message.terminal));
    }
    expect(heard).toEqual([false, true, false]);
  });
});

describe('the door', () => {
  const ask = (id: string, origin?: string) =>
    fetch(`${page}/${id}/door`, { method: 'POST', headers: origin === undefined ? {} : { origin } });

  test('says what a handshake would be told, and asks no agent', async () => {
    const relay = await open();
    using agent = await openAgent(relay.port, 'job');
    expect(await (await ask('job')).json()).toEqual({ code: 'open' });
    const gone = await ask('gone');
    expect([gone.status, await gone.json()]).toMatchObject([404, { code: 'agent_not_found' }]);
    expect((await ask('.x')).status).toBe(400);
    expect(agent.messages.map(({ type }) => type)).not.toContain('dial');
  });

  test('asks for a proof as /client/ID does, and says of which kind', async () => {
    const policy = new TestPolicy();
    const relay = await openRelay({ downloads, gateParts: policy.parts });
    page = `http://127.0.0.1:${relay.port}/terminal`;
    const answer = await ask('job');
    expect([answer.status, await answer.json()]).toMatchObject([
      401,
      { code: 'identity_required', identity: { kinds: expect.any(Array) as string[] } },
    ]);
  });

  test('answers a page of another host only where that may be a client, and so that it can read it', async () => {
    const elsewhere = 'https://terminal.example.org';
    await open({ TERMINAL_ORIGINS: elsewhere, TERMINAL: 'off' });
    const allowed = await ask('gone', elsewhere);
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([404, elsewhere]);
    const foreign = await ask('gone', 'https://cats.example');
    expect([foreign.status, foreign.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });

  test('lets nobody in by being asked: who is told yes is counted when they come', async () => {
    const policy = new TestPolicy();
    const relay = await openRelay({ downloads, gateParts: policy.parts });
    page = `http://127.0.0.1:${relay.port}/terminal`;
    const answer = await fetch(`${page}/job/door`, { method: 'POST', headers: GOOD_PROOF });
    expect(await answer.json()).toMatchObject({ code: 'agent_not_found' });
    const admitted = 'converge_admissions_total{role="client",rule="rule",by="proof"}';
    expect(await relay.metric(admitted)).toBe(0);
    await openClient(relay.port, 'job', { headers: GOOD_PROOF });
    expect(await relay.metric(admitted)).toBe(1);
  });
});

describe('TERMINAL=off', () => {
  test('answers every address of it with a sentence', async () => {
    await open({ TERMINAL: 'off' });
    for (const path of ['/build-4711', '/', '/assets/x.js']) {
      const answer = await fetch(page + path);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toEqual({
        code: 'not_found',
        message: expect.stringContaining('TERMINAL=off') as string,
      });
    }
  });
});

describe('TERMINAL_ORIGINS', () => {
  const elsewhere = 'https://terminal.example.org';

  async function statusFor(relay: RunningRelay, path: string, origin: string): Promise<string> {
    const headers = { Origin: origin, Connection: 'Upgrade, close' };
    const { closed } = await openRaw(relay.port, handshakeText(path, headers));
    return /^HTTP\/1\.1 (\d+)/.exec(await closed)?.[1] ?? '';
  }

  test('lets its pages be clients, and nothing else', async () => {
    const relay = await open({ TERMINAL_ORIGINS: `${elsewhere}, null` });
    // There is no such agent: the page got as far as that.
    expect(await statusFor(relay, '/client/job', elsewhere)).toBe('404');
    expect(await statusFor(relay, '/client/job', 'null')).toBe('404');
    expect(await statusFor(relay, '/client/job', 'https://cats.example')).toBe('403');
    expect(await statusFor(relay, '/client/job', 'https://terminal.example.org.cats.example')).toBe('403');
    expect(await statusFor(relay, '/agent/job', elsewhere)).toBe('403');
  });

  test('without it, a page that was opened from disk is none of ours', async () => {
    const relay = await open();
    expect(await statusFor(relay, '/client/job', 'null')).toBe('403');
  });
});
