// Webhooks that are well, that are not, and that never answer: how often they are asked, what is said of it, and that no end waits for them.
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { sshCommand } from '../../../services/agent/notices/ssh-command.ts';
import { cardObjectFrom, placeFrom } from '../../../services/agent/tell/card-object.ts';
import { type Notice, noticeFrom, openedNotice } from '../../../services/agent/tell/notice.ts';
import { parseNoticeTarget } from '../../../services/agent/tell/notice-target.ts';
import {
  LAST_NOTICES_WITHIN_MS,
  MAX_WAITING_NOTICES,
  NOTICE_ANSWER_WITHIN_MS,
  NOTICE_ATTEMPTS,
  Webhook,
} from '../../../services/agent/tell/webhook.ts';
import { MAX_RETRY_AFTER_MS } from '../../../services/shared/protocol/retry-after.ts';
import { TOLD_CARD } from '../../support/agent/told-card.ts';
import { type HookMood, openWebhookServer, type WebhookServer } from '../../support/agent/webhook-server.ts';
import { startConnectProxy } from '../../support/network/connect-proxy.ts';
import { PatientClock } from '../../support/time/patient-clock.ts';

const SECRET = 'T0SECRET/B0SECRET';
const { now, deadline } = TOLD_CARD;
const subject = {
  place: placeFrom(TOLD_CARD),
  sshCommand: sshCommand(TOLD_CARD.destination),
  job: undefined,
  entersBy: 'password',
  isJobRunning: false,
} as const;
const opened = openedNotice(subject, { now, deadline }, cardObjectFrom(TOLD_CARD));
const ending = someNotice({ kind: 'warning', remainingMs: 300_000 });
const ended = someNotice({ kind: 'ended', reason: 'deadline', exitCode: 0 });

let clock: PatientClock;
let complaints: string[];

beforeEach(() => {
  clock = new PatientClock(NOTICE_ANSWER_WITHIN_MS, now);
  complaints = [];
});

function someNotice(event: Parameters<typeof noticeFrom>[2]): Notice {
  return noticeFrom(subject, { now, deadline }, event) ?? expect.fail(event.kind);
}

function webhook(url: string, proxies: Readonly<Record<string, string>> = {}, allowsHttp = false): Webhook {
  const parsed = parseNoticeTarget(url, allowsHttp);
  if (parsed.kind !== 'target') throw new Error(parsed.fault);
  const complain = (line: string): void => void complaints.push(line);
  return new Webhook({ target: parsed.target, clock, random: () => 0.5, proxies, complain });
}

function to(server: WebhookServer): string {
  return `http://127.0.0.1:${server.port}/services/${SECRET}?sig=${SECRET}`;
}

/** Lets the network go on, and time by `stepMs` at each look, until `condition` holds. */
async function until(condition: () => boolean, stepMs = 0): Promise<void> {
  const giveUpAt = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > giveUpAt)
      throw new Error(`never came true: ${String(condition)}\n${complaints.join('\n')}`);
    clock.advance(stepMs);
    await setImmediate();
  }
}

/** Until nothing is on its way and only a timer would bring more. */
async function settle(hook: WebhookServer, requests: number): Promise<void> {
  await until(() => hook.requests.length === requests);
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  expect(hook.requests).toHaveLength(requests);
}

describe('a webhook that is well', () => {
  test('gets each notice once, in their order, as JSON', async () => {
    const hook = await openWebhookServer({ status: 200 }, { status: 202 }, { status: 204 });
    const one = webhook(to(hook));
    for (const notice of [opened, ending]) one.push(notice);
    await until(() => hook.requests.length === 2);
    await one.close(ended);
    expect(hook.requests.map(({ body }) => body['notice'])).toEqual(['opened', 'ending', 'ended']);
    for (const { method, path, headers } of hook.requests) {
      expect([method, path]).toEqual(['POST', `/services/${SECRET}?sig=${SECRET}`]);
      expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' });
    }
    expect(complaints).toEqual([]);
  });

  test.each([
    ['slack', 'blocks'],
    ['mattermost', 'text'],
    ['teams', 'attachments'],
    ['discord', 'content'],
  ])('gets a message in the form of %s', async (preset, field) => {
    const hook = await openWebhookServer();
    const one = webhook(`${preset}:${to(hook)}`);
    one.push(opened);
    await one.close(undefined);
    expect(hook.requests[0]?.body).toHaveProperty(field);
    expect(hook.requests[0]?.body).not.toHaveProperty('notice');
  });
});

describe('a webhook that is not well', () => {
  test.each<[string, number, readonly HookMood[]]>([
    ['500 and then well', 2, [{ status: 500 }, { status: 200 }]],
    [
      'breaks off, is too busy, and then well',
      4,
      ['reset', { status: 408 }, { status: 503 }, { status: 200 }],
    ],
  ])('%s: is asked again, and nothing is said', async (_what, requests, moods) => {
    const hook = await openWebhookServer(...moods);
    const one = webhook(to(hook));
    one.push(opened);
    await until(() => hook.requests.length === requests, 500);
    await one.close(undefined);
    expect(new Set(hook.requests.map(({ text }) => text)).size).toBe(1);
    expect(complaints).toEqual([]);
  });

  test.each<[string, RegExp, readonly HookMood[]]>([
    ['answers 500', /it answered 500 \(4 attempts\)$/, [{ status: 500 }]],
    ['resets', /(ECONNRESET|hang up).* \(4 attempts\)$/, ['reset']],
  ])('%s each time: is given up with a sentence that has no secret', async (_what, sentence, moods) => {
    const hook = await openWebhookServer(...moods);
    const one = webhook(to(hook));
    one.push(opened);
    await until(() => complaints.length > 0, 500);
    expect(hook.requests).toHaveLength(NOTICE_ATTEMPTS);
    expect(complaints).toEqual([expect.stringMatching(sentence)]);
    expect(complaints[0]).toContain(`notify 127.0.0.1:${hook.port}: "opened" was not told: `);
    expect(complaints[0]).not.toContain('SECRET');
  });

  test('never answers: is asked as often, each time for as long as it may take', async () => {
    const hook = await openWebhookServer('silent');
    webhook(to(hook)).push(opened);
    for (let attempt = 1; attempt <= NOTICE_ATTEMPTS; attempt += 1) {
      await until(() => hook.requests.length === attempt, 500);
      expect(complaints).toEqual([]);
      clock.giveUp();
    }
    await until(() => complaints.length > 0, 500);
    expect(hook.requests).toHaveLength(NOTICE_ATTEMPTS);
    expect(complaints).toEqual([expect.stringMatching(/no answer within 10 s \(4 attempts\)$/)]);
  });

  test('that nobody listens for is given up likewise', async () => {
    const one = webhook(`http://127.0.0.1:1/${SECRET}`);
    one.push(opened);
    await until(() => complaints.length > 0, 500);
    expect(complaints[0]).toMatch(/"opened" was not told: connect ECONNREFUSED 127.0.0.1:1 \(4 attempts\)$/);
  });

  test.each([400, 401, 403, 404, 410, 413])('%d is final', async (status) => {
    const hook = await openWebhookServer({ status });
    const one = webhook(to(hook));
    one.push(opened);
    await until(() => complaints.length > 0);
    expect(hook.requests).toHaveLength(1);
    expect(complaints).toEqual([expect.stringContaining(`it answered ${status}; check the URL`)]);
  });

  test('is not asked before the time that it asks for', async () => {
    const hook = await openWebhookServer({ status: 429, headers: { 'retry-after': '17' } }, { status: 200 });
    webhook(to(hook)).push(opened);
    // The answer has been read, and the wait begun.
    await until(() => clock.pending === 1);
    clock.advance(16_999);
    await settle(hook, 1);
    await until(() => hook.requests.length === 2, 1_000);
    // And by half of that later, so that all who were told so do not come at once.
    expect(clock.now() - now).toBeLessThan(27_000);
  });

  test('is asked after the longest wait that is obeyed, whatever it asks for', async () => {
    const hook = await openWebhookServer(
      { status: 429, headers: { 'retry-after': '3600' } },
      { status: 200 },
    );
    webhook(to(hook)).push(opened);
    // The answer has been read, and the wait begun.
    await until(() => clock.pending === 1);
    await until(() => hook.requests.length === 2, 1_000);
    expect(clock.now() - now).toBeLessThan(MAX_RETRY_AFTER_MS * 1.5 + 5_000);
  });

  test.each([301, 302, 303, 307, 308])(
    '%d is followed nowhere, and only the host of its goal is told',
    async (status) => {
      const other = await openWebhookServer();
      const location = `http://localhost:${other.port}/${SECRET}`;
      const hook = await openWebhookServer({ status, headers: { location } });
      const one = webhook(to(hook));
      one.push(opened);
      await until(() => complaints.length > 0);
      expect(complaints).toEqual([
        expect.stringContaining(`it redirects to http://localhost:${other.port}, `),
      ]);
      expect(complaints[0]).not.toContain('SECRET');
      expect([hook.requests.length, other.requests.length]).toEqual([1, 0]);
    },
  );

  test('has so many notices waiting, and no more', async () => {
    const hook = await openWebhookServer('silent');
    const one = webhook(to(hook));
    for (let count = 0; count < MAX_WAITING_NOTICES + 4; count += 1) one.push(ending);
    // One of them is on its way.
    expect(complaints).toEqual(
      Array.from({ length: 3 }, () => expect.stringContaining('16 others wait already')),
    );
    const closed = one.close(undefined);
    clock.advance(LAST_NOTICES_WITHIN_MS);
    await closed;
  });
});

describe('the end', () => {
  test('is told beside a notice that gets no answer', async () => {
    const hook = await openWebhookServer('silent', { status: 200 });
    const one = webhook(to(hook));
    one.push(opened);
    await settle(hook, 1);
    let isClosed = false;
    const closed = one.close(ended).then(() => {
      isClosed = true;
    });
    await settle(hook, 2);
    expect(hook.requests[1]?.body['notice']).toBe('ended');
    expect(isClosed).toBe(false);
    clock.advance(LAST_NOTICES_WITHIN_MS);
    await closed;
  });

  test.each<[string, readonly HookMood[]]>([
    ['never answers', ['silent']],
    ['answers 500', [{ status: 500 }]],
    ['asks for an hour', [{ status: 429, headers: { 'retry-after': '3600' } }]],
  ])('waits no longer for a webhook that %s', async (_what, moods) => {
    const hook = await openWebhookServer(...moods);
    const one = webhook(to(hook));
    one.push(opened);
    await until(() => hook.requests.length === 1);
    const begun = clock.now();
    let isClosed = false;
    void one.close(ended).then(() => {
      isClosed = true;
    });
    await until(() => isClosed, 100);
    expect(clock.now() - begun).toBeLessThanOrEqual(LAST_NOTICES_WITHIN_MS + 100);
    expect(complaints).toEqual(
      ['opened', 'ended'].map((kind) =>
        expect.stringContaining(`"${kind}" was not told: not told within 5 s`),
      ),
    );
    // Nothing goes on behind it.
    const sent = hook.requests.length;
    clock.advance(NOTICE_ANSWER_WITHIN_MS * 10);
    await settle(hook, sent);
    expect([clock.pending, clock.attempts]).toEqual([0, 0]);
  });

  test('takes no time where all is told, or nothing was', async () => {
    const hook = await openWebhookServer();
    const [one, other] = [webhook(to(hook)), webhook(to(hook))];
    one.push(opened);
    await Promise.all([one.close(ended), other.close(undefined)]);
    expect(hook.requests).toHaveLength(2);
    expect([clock.pending, clock.attempts]).toEqual([0, 0]);
    // Nothing after it.
    one.push(ending);
    await one.close(ended);
    await settle(hook, 2);
  });
});

describe('a proxy of the environment', () => {
  test('leads to another host, and not to this machine', async () => {
    const proxy = await startConnectProxy({ credentials: 'me:secret' });
    const hook = await openWebhookServer();
    const proxies = { HTTP_PROXY: `me:secret@127.0.0.1:${proxy.port}` };
    const outside = webhook(`http://chat.test:${hook.port}/x`, proxies, true);
    outside.push(opened);
    await outside.close(ended);
    expect(proxy.tunnels).toEqual([`chat.test:${hook.port}`, `chat.test:${hook.port}`]);
    const inside = webhook(to(hook), proxies);
    inside.push(opened);
    await inside.close(undefined);
    expect(hook.requests).toHaveLength(3);
    expect(proxy.tunnels).toHaveLength(2);
    await proxy.close();
  });
});
