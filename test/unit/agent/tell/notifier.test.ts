// Which events people elsewhere are told of, and how often; and the body that programs get, by the schema that is published.
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { Untrusted } from '#shared/text/untrusted.ts';
import { renderAgentEventSchema } from '../../../../deploy/build/pages/agent-event-page.ts';
import { AGENT_NOTICE } from '../../../../deploy/build/pages/agent-event-schema.ts';
import type { LogEvent } from '../../../../services/agent/notices/log-line.ts';
import { sshCommand } from '../../../../services/agent/notices/ssh-command.ts';
import { cardObjectFrom, placeFrom } from '../../../../services/agent/tell/card-object.ts';
import { parseNoticeTarget } from '../../../../services/agent/tell/notice-target.ts';
import {
  JOINED_AGAIN_AFTER_MS,
  MAX_REMEMBERED_JOINED,
  Notifier,
} from '../../../../services/agent/tell/notifier.ts';
import { LAST_NOTICES_WITHIN_MS } from '../../../../services/agent/tell/webhook.ts';
import { LOG_EVENTS } from '../../../support/agent/log-events.ts';
import { CARD_SECRETS, TOLD_CARD } from '../../../support/agent/told-card.ts';
import { openWebhookServer, type WebhookServer } from '../../../support/agent/webhook-server.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

let clock: ManualClock;
let hook: WebhookServer;
let notifier: Notifier;

beforeEach(async () => {
  clock = new ManualClock(TOLD_CARD.now);
  hook = await openWebhookServer();
  notifier = makeNotifier((line) => expect.fail(line));
});

function makeNotifier(complain: (line: string) => void): Notifier {
  const parsed = parseNoticeTarget(`http://127.0.0.1:${hook.port}/`, false);
  if (parsed.kind !== 'target') throw new Error(parsed.fault);
  return new Notifier({ targets: [parsed.target], clock, random: () => 0.5, proxies: {}, complain });
}

function open(): void {
  const subject = {
    place: placeFrom(TOLD_CARD),
    sshCommand: sshCommand(TOLD_CARD.destination),
    job: { provider: 'jenkins', name: 'Jenkins', job: new Untrusted('app #7'), url: 'https://ci.example/7' },
    entersBy: 'password',
    isJobRunning: false,
  } as const;
  notifier.opened(subject, clock.wallTime(), () => clock.wallTime() + 600_000, cardObjectFrom(TOLD_CARD));
}

/** Until it is told, where it is: time must not move on while it is on its way. */
async function hear(event: LogEvent): Promise<void> {
  notifier.hear(event, clock.wallTime());
  await until('nothing on its way', () => clock.pending === 0);
}

/** The kinds of all, as they came. */
async function told(): Promise<unknown[]> {
  await notifier.close();
  return hook.requests.map(({ body }) => body['notice']);
}

function login(user: string, address: string): LogEvent {
  return { kind: 'logged_in', user: new Untrusted(user), address, credential: { kind: 'password' } };
}

test('before the job is open nobody is told anything, not even of the end', async () => {
  for (const event of LOG_EVENTS) await hear(event);
  expect(await told()).toEqual([]);
});

test('of all that may happen four things are told, in a body that the schema has', async () => {
  open();
  for (const event of LOG_EVENTS) await hear(event);
  const kinds = await told();
  expect(kinds).toEqual(['opened', 'joined', 'ending', 'ended']);
  const { $defs } = JSON.parse(renderAgentEventSchema()) as {
    $defs: { notice: z.core.JSONSchema.JSONSchema };
  };
  const published = z.fromJSONSchema($defs.notice);
  for (const { body, text } of hook.requests) {
    published.parse(body);
    AGENT_NOTICE.parse(body);
    for (const secret of CARD_SECRETS) expect(text).not.toContain(secret);
    expect(published.safeParse({ ...body, id: undefined }).success).toBe(false);
    expect(published.safeParse({ ...body, notice: 'unheard_of' }).success).toBe(false);
  }
  // Nobody is told where to knock in vain.
  expect(hook.requests.at(-1)?.body).not.toHaveProperty('secondsLeft');
});

test('a card in a notice with a secret would be refused by the schema of this build', () => {
  const { event } = AGENT_NOTICE.shape;
  expect(event.safeParse(cardObjectFrom({ ...TOLD_CARD })).success).toBe(false);
});

test('somebody who comes again and again is told once in ten minutes, somebody else at once', async () => {
  open();
  for (let count = 0; count < 5; count += 1) await hear(login('abc', '192.0.2.7'));
  await hear(login('abc', '192.0.2.8'));
  await hear(login('def', '192.0.2.7'));
  clock.advance(JOINED_AGAIN_AFTER_MS);
  await hear(login('abc', '192.0.2.7'));
  expect(await told()).toEqual(['opened', 'joined', 'joined', 'joined', 'joined']);
});

test('of a thousand people each is remembered, and with one more they are all told of again', async () => {
  const complaints: string[] = [];
  notifier = makeNotifier((line) => complaints.push(line));
  open();
  const people = Array.from({ length: MAX_REMEMBERED_JOINED + 1 }, (_, at) => login(`u${at}`, '192.0.2.7'));
  const last = people.pop() ?? expect.fail();
  /** Nobody waits for the webhook here, so that what is told of is complained of. */
  const countTold = (events: readonly LogEvent[]): number => {
    const before = complaints.length;
    for (const event of events) notifier.hear(event, clock.wallTime());
    return complaints.length - before;
  };
  expect(countTold(people)).toBeGreaterThan(MAX_REMEMBERED_JOINED - 20);
  expect(countTold(people)).toBe(0);
  expect(countTold([last, ...people.slice(0, 10)])).toBe(11);
  const closed = notifier.close();
  clock.advance(LAST_NOTICES_WITHIN_MS);
  await closed;
});

test('the end is announced once for each deadline, by the first warning there is', async () => {
  open();
  await hear({ kind: 'warning', remainingMs: 300_000 });
  clock.advance(240_000);
  await hear({ kind: 'warning', remainingMs: 60_000 });
  clock.advance(50_000);
  await hear({ kind: 'warning', remainingMs: 10_000 });
  expect(hook.requests.map(({ body }) => body['secondsLeft'])).toEqual([600, 300]);
  // Somebody has held it for an hour.
  clock.advance(3_300_000);
  await hear({ kind: 'warning', remainingMs: 300_000 });
  expect(await told()).toEqual(['opened', 'ending', 'ending']);
});
