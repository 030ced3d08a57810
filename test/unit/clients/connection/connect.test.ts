// Connecting: how long each kind of failure is retried, and what the person reads.
import { describe, expect, test } from 'vitest';
import type { RefusalCode } from '#shared/protocol/refusals.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { MAX_SHOWN_REFUSAL_LENGTH } from '#shared/websocket/dial-failure-text.ts';
import type { FailedDial } from '#shared/websocket/dial-outcome.ts';
import type { StreamDialOptions } from '#shared/websocket/dial-stream.ts';
import { RELAY_PATIENCE_MS } from '../../../../services/clients/command-line/destination.ts';
import { parseClientUrl } from '../../../../services/clients/connection/client-url.ts';
import { type ConnectOutcome, connect } from '../../../../services/clients/connection/connect.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

/** A relay by script: each answer comes after `afterMs`; the last one is repeated. */
interface Scripted {
  readonly answer: FailedDial;
  readonly afterMs?: number;
}

/** No answer at all: the dial gives up on its own, for want of a connection or of an answer over it. */
type Silence = 'no connection' | 'no answer';

function refused(code: RefusalCode, status = 503): Scripted {
  return {
    answer: { kind: 'refused', status, refusal: { code, message: new Untrusted(`relay says ${code}`) } },
  };
}

function unreachable(code: string): Scripted {
  return { answer: { kind: 'unreachable', code, detail: `detail of ${code}` } };
}

function bare(status: number): Scripted {
  return { answer: { kind: 'refused', status, refusal: undefined } };
}

function silent(what: Silence, { timeoutMs, connectWithinMs = timeoutMs }: StreamDialOptions): Scripted {
  const afterMs = what === 'no connection' ? connectWithinMs : timeoutMs;
  const detail = `${what} within ${afterMs / 1_000} s`;
  return { answer: { kind: 'unreachable', code: 'TIMEOUT', detail }, afterMs };
}

interface Run {
  readonly outcome: ConnectOutcome;
  readonly asked: { readonly at: number; readonly wait: string | null; readonly timeoutMs: number }[];
  /** When the notice came, in milliseconds from the start. */
  readonly noticedAt: number[];
  readonly notices: string[];
  readonly tookMs: number;
}

interface Setting {
  readonly script: (Scripted | Silence)[];
  readonly waitMs?: number;
  readonly relayPatienceMs?: number;
  readonly url?: string;
  readonly proxy?: string;
  readonly abortAtMs?: number;
  /** The machine's store has an authority that Node did not know. */
  readonly hasAuthority?: boolean;
}

async function run(setting: Setting): Promise<Run> {
  const {
    script,
    waitMs = 30_000,
    relayPatienceMs = RELAY_PATIENCE_MS,
    url = 'ws://relay.example/client/job',
    proxy,
  } = setting;
  const parsed = parseClientUrl(url);
  if (parsed.kind === 'invalid') throw new Error(parsed.message);
  const clock = new ManualClock(0);
  const asked: Run['asked'] = [];
  const notices: string[] = [];
  const noticedAt: number[] = [];
  let trusted = 0;
  const abort = new AbortController();
  if (setting.abortAtMs !== undefined) clock.after(setting.abortAtMs, () => abort.abort());
  const done: ConnectOutcome[] = [];
  const finished = connect({
    target: parsed.target,
    proxy: proxy === undefined ? undefined : new URL(proxy),
    waitMs,
    relayPatienceMs,
    clock,
    notify: (line) => {
      notices.push(line);
      noticedAt.push(clock.now());
    },
    signal: abort.signal,
    random: () => 0.5,
    trustSystem: () => trusted++ === 0 && setting.hasAuthority === true,
    dial: (target: URL, options: StreamDialOptions) => {
      const scripted = script[Math.min(asked.length, script.length - 1)] ?? bare(500);
      const { answer, afterMs = 10 } = typeof scripted === 'string' ? silent(scripted, options) : scripted;
      asked.push({ at: clock.now(), wait: target.searchParams.get('wait'), timeoutMs: options.timeoutMs });
      return new Promise<FailedDial>((resolve) => {
        clock.after(afterMs, () => resolve(answer));
        options.signal?.addEventListener('abort', () =>
          resolve({ kind: 'unreachable', code: 'ABORTED', detail: '' }),
        );
      });
    },
  }).then((result) => done.push(result));
  for (let i = 0; done.length === 0 && i < 100_000; i++) {
    clock.advance(10);
    await new Promise(setImmediate);
  }
  await finished;
  const [outcome] = done;
  if (outcome === undefined) throw new Error('connect did not finish');
  expect(clock.pending).toBeLessThanOrEqual(setting.abortAtMs === undefined ? 0 : 1);
  return { outcome, asked, notices, noticedAt, tookMs: clock.now() };
}

describe('waiting for an agent', () => {
  test('asks the relay to wait in chunks of at most 25 s, until the time is over', async () => {
    const none = refused('agent_not_found', 404);
    const slow = { ...none, afterMs: 25_000 };
    const { outcome, asked, notices } = await run({ script: [none, slow], waitMs: 60_000 });
    expect(outcome).toEqual({
      kind: 'refused',
      message:
        'no agent `job` at relay.example: it may have ended, or not started yet; --wait 5m waits for it',
    });
    expect(asked.map(({ wait }) => wait)).toEqual([null, '25', '25', '10']);
    expect(asked.every(({ timeoutMs, wait }) => timeoutMs > Number(wait) * 1_000)).toBe(true);
    expect(notices).toEqual(['waiting for agent `job` at relay.example:80, for up to 1 minute']);
  });

  test('asks once and without waiting when told --wait 0', async () => {
    const { outcome, asked, notices } = await run({ script: [refused('agent_not_found', 404)], waitMs: 0 });
    expect(outcome.kind).toBe('refused');
    expect(asked.map(({ wait }) => wait)).toEqual([null]);
    expect(notices).toEqual([]);
  });

  test('does not hammer a relay that does not wait itself', async () => {
    const { asked } = await run({ script: [refused('agent_not_found', 404)] });
    expect(asked.length).toBeLessThan(30);
    expect(asked.length).toBeGreaterThan(10);
  });

  test.each(['draining', 'registry_unavailable', 'agent_unresponsive', 'fault', 'rate_limited'] as const)(
    'asks again after %s for the whole time, then says what the relay said',
    async (code) => {
      const { outcome, tookMs } = await run({ script: [refused(code)] });
      expect(outcome).toEqual({
        kind: 'refused',
        message: `relay.example refused: relay says ${code} (${code})`,
      });
      expect(tookMs).toBeGreaterThanOrEqual(30_000);
    },
  );

  test.each(['unauthorized', 'invalid_id', 'not_found', 'blocked'] as const)(
    'takes %s for an answer at once',
    async (code) => {
      const { outcome, asked } = await run({ script: [refused(code, 401)] });
      expect(outcome.kind).toBe('refused');
      expect(asked).toHaveLength(1);
    },
  );

  test('ends within a moment when told to', async () => {
    const { outcome, tookMs } = await run({
      script: [{ ...refused('agent_not_found', 404), afterMs: 25_000 }],
      abortAtMs: 4_000,
    });
    expect(outcome).toEqual({ kind: 'aborted' });
    expect(tookMs).toBeLessThan(4_100);
  });
});

describe('a relay that asks to wait', () => {
  const full = (code: RefusalCode, retryAfterMs: number): Scripted => ({
    answer: { ...refused(code).answer, retryAfterMs } as FailedDial,
  });

  test('is not asked before, and the person reads why', async () => {
    const script = [full('rate_limited', 7_000), refused('unauthorized', 401)];
    const { asked, notices } = await run({ script });
    // The jitter of the script is a half of a half.
    expect(asked.map(({ at }) => at)).toEqual([0, expect.closeTo(8_760, -2)]);
    expect(asked.map(({ wait }) => wait)).toEqual([null, null]);
    expect(notices).toEqual([
      'relay.example asks to wait 7 s: relay says rate_limited (rate_limited); trying again for up to 30 seconds',
    ]);
  });

  test('does not stretch the patience: it is asked for the last time when that is over', async () => {
    const { outcome, asked, tookMs } = await run({ script: [full('overloaded', 60_000)], waitMs: 10_000 });
    expect(asked.map(({ at }) => at)).toEqual([0, expect.closeTo(10_000, -2)]);
    expect(outcome).toMatchObject({ kind: 'refused', message: expect.stringContaining('asks to wait 60 s') });
    expect(tookMs).toBeLessThan(10_100);
  });

  test('and is asked once only, when told --wait 0', async () => {
    const { asked, tookMs } = await run({ script: [full('overloaded', 60_000)], waitMs: 0 });
    expect(asked).toHaveLength(1);
    expect(tookMs).toBeLessThan(100);
  });
});

describe('a relay that cannot be reached', () => {
  test.each(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'EAI_AGAIN', 'TIMEOUT'])(
    'is tried for 20 s after %s',
    async (code) => {
      const { outcome, tookMs, notices } = await run({ script: [unreachable(code)] });
      expect(outcome.kind).toBe('unreachable');
      expect(tookMs).toBeGreaterThanOrEqual(20_000);
      expect(tookMs).toBeLessThan(20_100);
      expect(notices).toEqual([
        expect.stringMatching(/^relay relay\.example:80: .*; trying again for up to 20 seconds$/),
      ]);
    },
  );

  test('is tried for as long as the person said', async () => {
    const { tookMs } = await run({
      script: [unreachable('ECONNREFUSED')],
      waitMs: 60_000,
      relayPatienceMs: 60_000,
    });
    expect(tookMs).toBeGreaterThanOrEqual(60_000);
  });

  test('gets its 20 s anew each time that it had answered', async () => {
    const slow = { ...refused('agent_not_found', 404), afterMs: 15_000 };
    const script = [slow, unreachable('ECONNREFUSED')];
    const { outcome, tookMs } = await run({ script, waitMs: 60_000 });
    expect(outcome).toEqual({ kind: 'unreachable', message: 'relay relay.example:80: connection refused' });
    expect(tookMs).toBeGreaterThanOrEqual(35_000);
    expect(tookMs).toBeLessThan(35_500);
  });

  test.each([
    ['ENOTFOUND', 'relay relay.example:443: no host has this name'],
    ['CERT_HAS_EXPIRED', 'relay relay.example:443: its certificate has expired'],
    ['SELF_SIGNED_CERT_IN_CHAIN', /not by an authority that this machine knows; .*NODE_EXTRA_CA_CERTS/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /certificate is for another host \(detail of/],
    ['EPROTO', /does not speak TLS on this port; use ws:/],
    ['PROTOCOL', 'relay relay.example:443: detail of PROTOCOL'],
  ])('is given up at once after %s', async (code, message) => {
    const { outcome, tookMs } = await run({
      script: [unreachable(code)],
      url: 'wss://relay.example/client/job',
    });
    expect(outcome).toEqual({ kind: 'unreachable', message: expect.stringMatching(message) });
    expect(tookMs).toBeLessThan(100);
  });
});

test('asks again at once when the machine knows the authority of the certificate, and not a third time', async () => {
  const script = [unreachable('SELF_SIGNED_CERT_IN_CHAIN')];
  const { outcome, asked } = await run({ script, url: 'wss://relay.example/client/job', hasAuthority: true });
  expect(outcome.kind).toBe('unreachable');
  expect(asked).toHaveLength(2);
});

describe('a black hole', () => {
  test.each([
    ['no connection', 20_000, 'relay relay.example:80: no connection within 10 s'],
    ['no answer', 30_000, 'relay relay.example:80: no answer within 15 s'],
  ] as const)('that gives %s is tried twice, told of after 3 s and given up', async (what, ms, message) => {
    const { outcome, asked, notices, noticedAt, tookMs } = await run({ script: [what] });
    expect(outcome).toEqual({ kind: 'unreachable', message });
    expect(asked).toHaveLength(2);
    expect(tookMs).toBeGreaterThanOrEqual(ms);
    expect(tookMs).toBeLessThan(ms + 500);
    expect(notices).toEqual(['waiting for an answer of relay relay.example:80']);
    expect(noticedAt).toEqual([3_000]);
  });

  test('is never asked to wait for the agent: that would be silence too', async () => {
    const { asked } = await run({ script: ['no answer'], waitMs: 120_000, relayPatienceMs: 120_000 });
    expect(new Set(asked.map(({ wait }) => wait))).toEqual(new Set([null]));
    expect(new Set(asked.map(({ timeoutMs }) => timeoutMs))).toEqual(new Set([15_000]));
  });

  test('is asked once with --wait 0', async () => {
    const { asked, tookMs } = await run({ script: ['no connection'], waitMs: 0, relayPatienceMs: 0 });
    expect(asked).toHaveLength(1);
    expect(tookMs).toBeLessThan(10_100);
  });

  test('that opens while a relay waits for the agent does not hide another relay that is there', async () => {
    const none = refused('agent_not_found', 404);
    const script = [none, 'no answer', refused('unauthorized', 401)] as const;
    const { outcome, asked } = await run({ script: [...script], waitMs: 60_000 });
    expect(outcome).toMatchObject({ kind: 'refused', message: expect.stringContaining('unauthorized') });
    expect(asked.map(({ wait }) => wait)).toEqual([null, '25', null]);
  });
});

describe('something else that answers', () => {
  test.each([
    [502, 'unreachable', /^relay\.example answered 502, but not as a relay: it does not reach one/],
    [
      404,
      'refused',
      /^relay\.example answered 404, but not as a relay: check the host and the path \/client\/job/,
    ],
  ])('gets 20 s after %d', async (status, kind, message) => {
    const { outcome, tookMs } = await run({ script: [bare(status)] });
    expect(outcome).toEqual({ kind, message: expect.stringMatching(message) });
    expect(tookMs).toBeGreaterThanOrEqual(20_000);
  });

  test.each([
    [200, 'unreachable', /answered 200, but not as a relay/],
    [301, 'unreachable', /it redirects; use wss:/],
    [403, 'refused', /answered 403, .* does not let this connection pass/],
  ])('is believed at once after %d', async (status, kind, message) => {
    const { outcome, asked } = await run({ script: [bare(status)] });
    expect(outcome).toEqual({ kind, message: expect.stringMatching(message) });
    expect(asked).toHaveLength(1);
  });
});

describe('a proxy', () => {
  const proxy = 'http://me:hunter2@proxy.example:3128';

  test('is named when it is the one that does not answer', async () => {
    const { outcome } = await run({ script: [unreachable('ECONNREFUSED')], proxy });
    expect(outcome).toEqual({ kind: 'unreachable', message: 'proxy proxy.example:3128: connection refused' });
  });

  test('is named when it wants a password, or another one', async () => {
    expect((await run({ script: [bare(407)], proxy })).outcome).toEqual({
      kind: 'unreachable',
      message: 'proxy proxy.example:3128 does not accept the user name and password in HTTP_PROXY (407)',
    });
    expect((await run({ script: [bare(407)], proxy: 'http://proxy.example' })).outcome).toEqual({
      kind: 'unreachable',
      message: expect.stringMatching(
        /^proxy proxy\.example:80 wants a user name and password \(407\): HTTP_PROXY=/,
      ),
    });
  });

  test('is suspected when it may have answered, and its password stays unsaid', async () => {
    const { outcome, notices } = await run({ script: [bare(502)], proxy });
    expect(outcome).toMatchObject({
      message: expect.stringMatching(/^proxy proxy\.example:3128, or relay\.example behind it, answered 502/),
    });
    expect(JSON.stringify([outcome, notices])).not.toContain('hunter2');
  });
});

test("a relay's message is one line of bounded length, without control characters", async () => {
  const message = new Untrusted(`\x1b]0;owned\x07 \u202e first\nsecond ${'x'.repeat(5_000)}`);
  const answer: FailedDial = { kind: 'refused', status: 401, refusal: { code: 'unauthorized', message } };
  const { outcome } = await run({ script: [{ answer }] });
  if (outcome.kind !== 'refused') throw new Error(outcome.kind);
  const start = String.raw`relay.example refused: \u{1b}]0;owned\u{7} \u{202e} first\nsecond xxx`;
  expect(outcome.message.slice(0, start.length)).toBe(start);
  expect(outcome.message.length).toBeLessThan(MAX_SHOWN_REFUSAL_LENGTH + 100);
});
