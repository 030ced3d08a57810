// Messages for chats, with the worst that a stranger may call themselves, or a job.
import { describe, expect, test } from 'vitest';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { LogEvent } from '../../../../services/agent/notices/log-line.ts';
import { sshCommand } from '../../../../services/agent/notices/ssh-command.ts';
import { cardObjectFrom, placeFrom } from '../../../../services/agent/tell/card-object.ts';
import { discordBody, MAX_DISCORD_LENGTH } from '../../../../services/agent/tell/chat/discord.ts';
import { mattermostBody } from '../../../../services/agent/tell/chat/mattermost.ts';
import { slackBody } from '../../../../services/agent/tell/chat/slack.ts';
import { teamsBody } from '../../../../services/agent/tell/chat/teams.ts';
import {
  type Notice,
  type NoticeSubject,
  noticeFrom,
  openedNotice,
} from '../../../../services/agent/tell/notice.ts';
import { HOSTILE } from '../../../support/agent/log-events.ts';
import { CARD_SECRETS, TOLD_CARD } from '../../../support/agent/told-card.ts';

const { now, deadline } = TOLD_CARD;
const times = { now, deadline };
const JOB_URL = 'https://ci.example/run/1';

const subject: NoticeSubject = {
  place: placeFrom(TOLD_CARD),
  sshCommand: sshCommand(TOLD_CARD.destination),
  job: {
    provider: 'github',
    name: 'GitHub Actions',
    job: new Untrusted(`acme/app ${HOSTILE}`),
    url: JOB_URL,
  },
  entersBy: 'password',
  isJobRunning: false,
};

const joined: LogEvent = {
  kind: 'logged_in',
  address: '192.0.2.7',
  user: new Untrusted(HOSTILE),
  credential: {
    kind: 'key',
    fingerprint: 'SHA256:abc',
    comment: new Untrusted('`` @here <@U1> {{DATE(2026)}} https://evil.example'),
  },
};

function noticeOf(event: LogEvent, about = subject): Notice {
  const notice = noticeFrom(about, times, event);
  return notice ?? expect.fail(`no notice of ${event.kind}`);
}

const opened = openedNotice(subject, times, cardObjectFrom(TOLD_CARD));
const notices = [
  opened,
  noticeOf(joined),
  noticeOf({ kind: 'warning', remainingMs: 300_000 }),
  noticeOf({ kind: 'ended', reason: 'deadline', exitCode: 0 }),
  noticeOf({ kind: 'failed', reason: 'refused', exitCode: 4 }),
];

const BODIES = { slackBody, mattermostBody, teamsBody, discordBody, body: ({ body }: Notice) => body };

/** Every string in a body that is no URL of a link. */
function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(stringsOf);
}

/** Markdown without its blocks and spans of code, by the rule of CommonMark for as many backticks as they begin with. */
function outsideCode(markdown: string): string {
  return markdown.replaceAll(/(`+)(?!`)[^]*?(?<!`)\1(?!`)/g, '');
}

describe.each(Object.entries(BODIES))('%s', (_name, bodyOf) => {
  test.each(notices)('has no password and no link that lets in: $kind', (notice) => {
    const json = JSON.stringify(bodyOf(notice));
    for (const secret of CARD_SECRETS) expect(json).not.toContain(secret);
  });

  test('has the command, the link and the page of the job while somebody can come', () => {
    for (const notice of notices.slice(0, 3)) {
      const strings = stringsOf(bodyOf(notice)).join('\n');
      expect(strings).toContain(subject.sshCommand);
      expect(strings).toContain(subject.place.link);
      expect(strings).toContain(JOB_URL);
    }
  });
});

describe('what a chat obeys', () => {
  test('Slack: all of it is plain text, or escaped', () => {
    for (const notice of notices) {
      const body = slackBody(notice) as { text: string; blocks: { text: { type: string; text: string } }[] };
      expect(body.text).not.toMatch(/[<>]/);
      for (const { text } of body.blocks) {
        if (text.type === 'plain_text') continue;
        // The links are ours; what is in them and between them has no other angle bracket.
        expect(text).toMatchObject({ type: 'mrkdwn', verbatim: true });
        expect(
          text.text.replaceAll(/<https:\/\/(relay|ci)\.example\/[^<>|\s]*\|[A-Za-z ]+>/g, ''),
        ).not.toMatch(/[<>]/);
      }
    }
  });

  test('Markdown: words from outside stand in code, and nothing there ends it', () => {
    for (const notice of notices) {
      for (const markdown of [
        (mattermostBody(notice) as { text: string }).text,
        (discordBody(notice) as { content: string }).content,
      ]) {
        const rest = outsideCode(markdown);
        expect(rest).not.toMatch(/@|evil|everyone|channel|`/);
        // Of the links there are only ours.
        expect(rest.match(/https?:[^\s>)]*/g) ?? []).toEqual(notice.links.map(({ url }) => url));
      }
    }
  });

  test('Discord: nobody is mentioned, and the message is no longer than it may be', () => {
    for (const notice of notices) {
      expect(discordBody(notice)).toMatchObject({ allowed_mentions: { parse: [] } });
    }
    const long = { ...opened, command: 'x'.repeat(MAX_DISCORD_LENGTH) };
    const { content } = discordBody(long) as { content: string };
    expect(content.length).toBeLessThanOrEqual(MAX_DISCORD_LENGTH);
    expect(content).toContain(subject.place.link);
    expect(content).not.toContain('xxx');
  });

  test('Teams: text stands in TextRun, and no function of a card in it', () => {
    for (const notice of notices) {
      const { attachments } = teamsBody(notice) as {
        attachments: [
          { contentType: string; content: { body: { type: string; inlines: { type: string }[] }[] } },
        ];
      };
      const [{ contentType, content }] = attachments;
      expect(contentType).toBe('application/vnd.microsoft.card.adaptive');
      expect(content).toMatchObject({ type: 'AdaptiveCard', version: '1.2' });
      for (const block of content.body) {
        expect(block.type).toBe('RichTextBlock');
        for (const { type } of block.inlines) expect(type).toBe('TextRun');
      }
      expect(JSON.stringify(content)).not.toContain('{{');
    }
  });

  test.each([
    ['unreachable', 'no relay could be reached'],
    ['refused', 'the relay refused this agent'],
    ['fault', 'a fault'],
  ] as const)('the end over %s says so: %s', (reason, words) => {
    const { text } = mattermostBody(noticeOf({ kind: 'failed', reason, exitCode: 3 })) as { text: string };
    expect(text).toMatch(new RegExp(`^Closed for SSH: .*: ${words}\\.`));
  });

  test('a page of the job that is no URL of a page makes no link', () => {
    for (const url of ['javascript:alert(1)', 'nonsense', `https://ci.example/${'x'.repeat(3_000)}`]) {
      const about = {
        ...subject,
        job: { provider: 'github', name: 'GitHub Actions', job: undefined, url } as const,
      };
      expect(noticeOf(joined, about).links.map(({ words }) => words)).toEqual(['How to get in']);
    }
    const url = 'https://ci.example/a)b>c|d <x> `y`[z]';
    const about = {
      ...subject,
      job: { provider: 'github', name: 'GitHub Actions', job: undefined, url } as const,
    };
    expect(noticeOf(joined, about).links.at(-1)?.url).toMatch(/^https:\/\/ci\.example\/a[^()<>|\s`[\]]*$/);
  });
});
