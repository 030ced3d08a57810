// The early socket: taken once, by whoever dials the same URL, in whatever state it is by then.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseJobUrl } from '../../../../services/clients/browser/connection/job-url.ts';
import type { dialFromPage } from '../../../../services/clients/browser/connection/page-dial.ts';
import { systemClock } from '../../../../services/shared/time/clock.ts';

/** A WebSocket that does what the test says. */
class PlayedSocket extends EventTarget {
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  static made: PlayedSocket[] = [];
  static isForbidden = false;
  readonly url: string;
  readyState = 0;
  bufferedAmount = 0;
  constructor(url: string | URL) {
    super();
    // What browsers throw over ws: in a page over https.
    if (PlayedSocket.isForbidden) throw new DOMException('insecure', 'SecurityError');
    this.url = String(url);
    PlayedSocket.made.push(this);
  }
  become(state: 'open' | 'close'): void {
    this.readyState = state === 'open' ? 1 : 3;
    const close = Object.assign(new Event('close'), { code: 1006, reason: '' });
    this.dispatchEvent(state === 'open' ? new Event('open') : close);
  }
  close(): void {
    this.readyState = 3;
  }
}

const URL_OF_JOB = 'wss://relay.example/client/job-1';

beforeEach(() => {
  vi.resetModules();
  PlayedSocket.made = [];
  PlayedSocket.isForbidden = false;
  vi.stubGlobal('WebSocket', PlayedSocket);
  vi.stubGlobal('fetch', async () => new Response('{"code":"blocked","message":"not now"}'));
});
afterEach(() => vi.unstubAllGlobals());

/** Modules of their own: nothing is dialled yet. */
async function fresh(): Promise<{
  dialEarly: (url: string) => void;
  dial: (url?: string) => ReturnType<typeof dialFromPage>;
}> {
  const { dialEarly } = await import('../../../../services/clients/browser/connection/early-socket.ts');
  const page = await import('../../../../services/clients/browser/connection/page-dial.ts');
  const dial = (url = URL_OF_JOB): ReturnType<typeof dialFromPage> => {
    const target = parseJobUrl(url);
    if (target === undefined) throw new Error('no URL of a job');
    return page.dialFromPage({
      target,
      waitSeconds: 0,
      clock: systemClock,
      signal: new AbortController().signal,
    });
  };
  return { dialEarly, dial };
}

test('the first dial takes it, and the second one makes another', async () => {
  const { dialEarly, dial } = await fresh();
  dialEarly(URL_OF_JOB);
  dialEarly(URL_OF_JOB);
  const first = dial();
  PlayedSocket.made[0]?.become('open');
  expect((await first).kind).toBe('open');
  expect(PlayedSocket.made).toHaveLength(1);
  const second = dial();
  expect(PlayedSocket.made).toHaveLength(2);
  PlayedSocket.made[1]?.become('open');
  expect((await second).kind).toBe('open');
});

test('one that is open by then is used at once', async () => {
  const { dialEarly, dial } = await fresh();
  dialEarly(URL_OF_JOB);
  PlayedSocket.made[0]?.become('open');
  expect((await dial()).kind).toBe('open');
});

test('one that was refused by then leads to the door', async () => {
  const { dialEarly, dial } = await fresh();
  dialEarly(URL_OF_JOB);
  PlayedSocket.made[0]?.become('close');
  expect(await dial()).toMatchObject({ kind: 'refused', refusal: { code: 'blocked' } });
  expect(PlayedSocket.made).toHaveLength(1);
});

test('another job gets a socket of its own', async () => {
  const { dialEarly, dial } = await fresh();
  dialEarly(URL_OF_JOB);
  const other = dial('wss://relay.example/client/job-2');
  PlayedSocket.made[1]?.become('open');
  expect((await other).kind).toBe('open');
  expect(PlayedSocket.made.map(({ url }) => url)).toEqual([URL_OF_JOB, 'wss://relay.example/client/job-2']);
});

test('a browser that lets the page open none is a relay that is silent, and no fault of the script', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('mixed content')));
  PlayedSocket.isForbidden = true;
  const { dialEarly, dial } = await fresh();
  expect(() => dialEarly(URL_OF_JOB)).not.toThrow();
  expect(await dial()).toEqual({ kind: 'silent' });
});
