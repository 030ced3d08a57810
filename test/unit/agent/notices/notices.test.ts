// What people read: greeting, warnings, card and job log.
import { describe, expect, test } from 'vitest';
import { SERVER_ALIVE_MARGIN_MS, sshOptions } from '#shared/commands/ssh-options.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import type { AccessSummary } from '../../../../services/agent/access/access-list.ts';
import { type CardInput, cardFrom, quietCardFrom } from '../../../../services/agent/notices/card.ts';
import { greetingFrom } from '../../../../services/agent/notices/greeting.ts';
import { isRoutine, type LogEvent, logLineFrom } from '../../../../services/agent/notices/log-line.ts';
import {
  clientUrl,
  downloadCommand,
  isUsablePublicUrl,
  pageUrl,
  type SshDestination,
  scpCommand,
  sftpCommand,
  sshCommand,
  tcptowsCommands,
  terminalLink,
} from '../../../../services/agent/notices/ssh-command.ts';
import { formatMoment } from '../../../../services/agent/notices/time-of-day.ts';
import { lastWordsFrom, warningFrom } from '../../../../services/agent/notices/warning.ts';

const NOW = Date.UTC(2026, 10, 22, 14, 3, 22);
/** Of somebody who was there. */
const GONE = { address: '192.0.2.7', user: new Untrusted('abc'), connectedMs: 90_000 } as const;
const MINUTE = 60_000;
const FINGERPRINT = `SHA256:${'aB3+/'.repeat(8)}xyz`;
const DESTINATION: SshDestination = {
  publicUrl: 'https://relay.example.org/',
  id: 'job-1',
  user: 'abc',
  fingerprint: FINGERPRINT,
};
const NOBODY: AccessSummary = {
  authorizedKeys: 0,
  accounts: [],
  authorities: [],
  principals: ['abc'],
  relay: undefined,
};
const CARD: CardInput = {
  destination: DESTINATION,
  entry: { kind: 'generated_password', password: 'correct-horse' },
  hasTerminal: true,
  now: NOW,
  deadline: NOW + 10 * MINUTE,
  timeoutMs: 10 * MINUTE,
  maxLifetimeMs: 360 * MINUTE,
};

describe('the commands', () => {
  test('name the relay, the ID and the key', () => {
    expect(clientUrl(DESTINATION)).toBe(`wss://relay.example.org/client/job-1#${FINGERPRINT}`);
    const url = `"wss://relay.example.org/client/job-1#${FINGERPRINT}"`;
    expect(sshCommand(DESTINATION)).toBe(`./wsproxy ssh ${url}`);
    expect(scpCommand(DESTINATION)).toBe(`./wsproxy scp ${url} :FILE .`);
    expect(tcptowsCommands(DESTINATION, 2222)).toEqual([
      `./tcptows 2222 ${url}`,
      'ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -p 2222 abc@127.0.0.1',
    ]);
    expect(downloadCommand('http://127.0.0.1:8080', 'tcptows', { name: 'tcptows' })).toBe(
      'curl --compressed -fsSLo tcptows http://127.0.0.1:8080/docs/tcptows && chmod +x tcptows',
    );
  });

  test('say what wsproxy does not take for granted, and nothing else', () => {
    const ways = [120_000, 600_000].map((resumeWindowMs) =>
      sftpCommand({ ...DESTINATION, user: 'dana', resumeWindowMs }).replace(/".*"/, 'URL'),
    );
    expect(ways).toEqual([
      './wsproxy sftp --user dana URL',
      './wsproxy sftp --user dana --resume-window 600s URL',
    ]);
  });

  test('use ws:// for a relay without TLS', () => {
    expect(clientUrl({ ...DESTINATION, publicUrl: 'http://127.0.0.1:8080' })).toMatch(/^ws:\/\/127/);
  });

  test.each([1, 45_000, 120_000, 600_000])(
    'let ssh wait for longer than a resume window of %d ms',
    (windowMs) => {
      const value = (name: string): number =>
        Number(
          sshOptions({ isPinned: true, resumeWindowMs: windowMs })
            .find((option) => option.startsWith(name))
            ?.split('=')[1],
        );
      const patienceMs = value('ServerAliveInterval') * value('ServerAliveCountMax') * 1_000;
      expect(patienceMs).toBeGreaterThanOrEqual(windowMs + SERVER_ALIVE_MARGIN_MS);
    },
  );

  test('get a client whose digest is known only if it fits', () => {
    const digest = '0123456789abcdef'.repeat(4);
    expect(downloadCommand('https://h', 'wsproxy', { name: 'wsproxy-linux-x64', sha256: digest })).toBe(
      `curl --compressed -fsSLo wsproxy https://h/docs/wsproxy-linux-x64 && echo "${digest}  wsproxy" | sha256sum -c ` +
        '&& chmod +x wsproxy || ! rm -f wsproxy',
    );
  });

  test('carry nothing from a relay that a shell would act on', () => {
    const url = `https://h/a'b";$(x)\`y\`!|&<>%20é`;
    expect(downloadCommand(url, 'wsproxy', { name: 'wsproxy' })).toMatch(
      /^curl --compressed -fsSLo wsproxy https:\/\/h\/[A-Za-z0-9/._~%-]+ && chmod \+x wsproxy$/,
    );
    for (const bad of [
      "https://h';x/",
      'https://$(x)/',
      'ftp://h/',
      'https://h`x`/',
      'no url',
      'javascript:x',
    ]) {
      expect(isUsablePublicUrl(bad), bad).toBe(false);
      expect(() => downloadCommand(bad, 'wsproxy', { name: 'wsproxy' })).toThrow(TypeError);
    }
  });
});

describe('the card', () => {
  test("says that the relay's time counts where it gives less than the agent's own option", () => {
    expect(cardFrom(CARD).join('\n')).not.toContain('the relay gives');
    expect(cardFrom({ ...CARD, relayLeavesMs: 90 * MINUTE }).join('\n')).toContain(
      'after the last activity, and always 1 hour 30 minutes from now: the relay gives this agent 1 hour 30 minutes.',
    );
  });

  test('shows each command and the password alone on a line', () => {
    const lines = cardFrom(CARD).map((line) => line.trim());
    expect(lines).toContain(sshCommand(DESTINATION));
    expect(lines).toContain('correct-horse');
    expect(lines).toContain(
      'curl --compressed -fsSLo wsproxy https://relay.example.org/docs/wsproxy && chmod +x wsproxy',
    );
    expect(lines).toContain(`./tcptows 2222 "${clientUrl(DESTINATION)}"`);
    expect(lines).toContain('Waits for you until 14:13 UTC (10 minutes).');
    expect(cardFrom(CARD).join('\n')).toContain("pins this job's host key");
  });

  test('lets people take only the clients that were built with the agent, and says so', () => {
    const clientDigests = {
      'wsproxy-linux-arm64': 'c'.repeat(64),
      'wsproxy-linux-x64': 'a'.repeat(64),
      'tcptows-linux-x64': 'b'.repeat(64),
    };
    const text = cardFrom({ ...CARD, clientDigests }).join('\n');
    for (const [program, digest] of [
      ['wsproxy', 'a'],
      ['tcptows', 'b'],
    ] as const)
      expect(text).toContain(
        `/docs/${program}-linux-x64 && echo "${digest.repeat(64)}  ${program}" | sha256sum -c && `,
      );
    expect(text).toContain('Get the client once (Linux on x64; ');
    expect(
      cardFrom({ ...CARD, clientDigests: { 'wsproxy-linux-arm64': 'c'.repeat(64) } }).join('\n'),
    ).toMatch(/\(Linux on ARM; .*\n.*\/docs\/wsproxy-linux-arm64 && echo "c{64}/);
    expect(text).toContain('sha256sum refuses a client that was not built with this agent');
    expect(cardFrom(CARD).join('\n')).not.toContain('sha256sum');
  });

  test('links to the page of a relay that has one, without the password, and only where a browser lets it work', () => {
    const link = `https://relay.example.org/terminal/job-1#${FINGERPRINT}`;
    expect(terminalLink(DESTINATION)).toBe(link);
    expect(cardFrom(CARD)).toContain(`  ${link}`);
    expect(terminalLink({ ...DESTINATION, user: 'ada' })).toBe(`${link}&user=ada`);
    expect(terminalLink({ ...DESTINATION, publicUrl: 'http://localhost:8080' })).toMatch(
      /^http:\/\/localhost:8080\/t/,
    );
    expect(terminalLink({ ...DESTINATION, publicUrl: 'http://relay.example.org' })).toBeUndefined();
    expect(cardFrom({ ...CARD, hasTerminal: false }).join('\n')).not.toContain('/terminal/');
  });

  test('has a link that lets in only where one was asked for, and says what it does', () => {
    const secret = 'a'.repeat(20);
    const link = `https://relay.example.org/terminal/job-1#${FINGERPRINT}&secret=${secret}`;
    const lines = cardFrom({ ...CARD, linkSecret: secret });
    expect(lines).toContain(`  ${link}`);
    expect(lines.join('\n')).toContain('(this link lets in once, within 10 minutes, whoever follows it):');
    expect(lines).toContain('  correct-horse');
    expect(quietCardFrom({ ...CARD, linkSecret: secret })).toEqual([
      sshCommand(DESTINATION),
      link,
      'correct-horse',
    ]);
    expect(cardFrom(CARD).join('\n')).not.toMatch(/secret=|lets in once/);
    expect(cardFrom({ ...CARD, linkSecret: secret, hasTerminal: false }).join('\n')).not.toContain(secret);
  });

  test('says in one line where others than Linux look: a page that knows the job and its key', () => {
    expect(cardFrom(CARD)).toContain(
      `On macOS, Windows and others: https://relay.example.org/?id=job-1#${FINGERPRINT}`,
    );
    const below = { ...DESTINATION, publicUrl: 'https://h/a$(x)' };
    expect(pageUrl(below)).toBe(`https://h/a%24%28x%29/?id=job-1#${FINGERPRINT}`);
  });

  test('keeps a password that somebody chose out of the log', () => {
    expect(cardFrom({ ...CARD, entry: { kind: 'chosen_password' } }).join('\n')).toContain(
      'the one that was set',
    );
  });

  test('tells that keys are needed, and how many are accepted', () => {
    expect(
      cardFrom({ ...CARD, entry: { kind: 'keys', people: { ...NOBODY, authorizedKeys: 1 } } }).join('\n'),
    ).toContain('1 key is accepted');
    expect(
      cardFrom({ ...CARD, entry: { kind: 'keys', people: { ...NOBODY, authorizedKeys: 3 } } }).join('\n'),
    ).toContain('3 keys are accepted');
  });

  test('is two lines with --quiet, one where there is no password to print', () => {
    expect(quietCardFrom(CARD)).toEqual([sshCommand(DESTINATION), 'correct-horse']);
    expect(
      quietCardFrom({ ...CARD, entry: { kind: 'keys', people: { ...NOBODY, authorizedKeys: 1 } } }),
    ).toEqual([sshCommand(DESTINATION)]);
  });
});

describe('the greeting', () => {
  const input = {
    job: { provider: 'GitHub Actions', job: new Untrusted(`${'long/'.repeat(40)}\u001b[2J`) },
    now: NOW,
    deadline: NOW + 23 * 60 * MINUTE + 59 * MINUTE,
    isHeld: false,
    system: 'linux' as const,
    hasCommand: true,
  };

  test.each([true, false])('fits into 80 columns and has no control characters (held: %s)', (isHeld) => {
    for (const line of greetingFrom({ ...input, isHeld })) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line).toMatch(/^[\x20-\x7e]*$/);
    }
  });

  test('has words for the shells of Windows there', () => {
    expect(greetingFrom({ ...input, system: 'win32' }).at(-1)).toBe(
      '  or       echo x>.hold | del .hold, in the directory of the job',
    );
  });

  test('tells where one is, when it ends and how to change that', () => {
    const text = greetingFrom({
      ...input,
      job: { provider: 'GitLab CI', job: new Untrusted('a/b') },
      deadline: NOW + 599_000,
    });
    expect(text.join('\n')).toMatchInlineSnapshot(`
      "converge: you are inside a running job of GitLab CI: a/b
        ends     when the last client leaves
                 if idle, at 14:13 UTC (in 10 minutes)
        change   converge status | hold 2h | release | continue | fail | end
        or       touch $agentdir/.hold | rm $agentdir/.hold"
    `);
  });

  test('does not speak of a command that is not there', () => {
    expect(greetingFrom({ ...input, job: undefined, hasCommand: false }).join('\n')).not.toContain('status');
  });
});

describe('warnings', () => {
  test('name the time that is left and what helps', () => {
    const own = { isRelayFirst: false };
    expect(warningFrom({ ...own, remainingMs: MINUTE, isCapped: false })).toBe(
      'converge: this session ends in 1 minute; `converge hold 1h` keeps it',
    );
    expect(warningFrom({ ...own, remainingMs: 10_000, isCapped: true })).not.toContain('hold');
    expect(warningFrom({ isRelayFirst: true, remainingMs: 10_000, isCapped: true })).toBe(
      'converge: this session ends in 10 seconds: the relay gives it no more time; save your work',
    );
    expect(lastWordsFrom('deadline')).toEqual({
      farewell: 'converge: this session ends now: the deadline was reached',
      reason: 'the deadline was reached',
    });
  });
});

describe('the job log', () => {
  test.each<[LogEvent, string]>([
    [{ kind: 'waiting', deadline: NOW + 479_000 }, 'waiting for somebody to connect; ends in 8 minutes'],
    [
      { kind: 'cut_off', since: NOW - 300_000, deadline: NOW + 479_000 },
      'nobody can connect: no relay since 13:58 UTC (5 minutes), still dialling; ends in 8 minutes',
    ],
    [
      {
        kind: 'logged_in',
        address: '192.0.2.7',
        user: new Untrusted('abc'),
        credential: { kind: 'password' },
      },
      'abc logged in from 192.0.2.7 with the password',
    ],
    [
      {
        kind: 'logged_in',
        address: '192.0.2.7',
        user: new Untrusted('abc'),
        credential: { kind: 'key', fingerprint: 'SHA256:x', comment: new Untrusted('me@laptop') },
      },
      'abc logged in from 192.0.2.7 with key SHA256:x (me@laptop)',
    ],
    [
      {
        kind: 'logged_in',
        address: '192.0.2.7',
        user: new Untrusted('abc'),
        credential: {
          kind: 'certificate',
          fingerprint: 'SHA256:x',
          keyId: new Untrusted('ada\nat home'),
          serial: '7',
          caFingerprint: 'SHA256:ca',
        },
      },
      'abc logged in from 192.0.2.7 with certificate "ada\\nat home" (serial 7) by SHA256:ca for key SHA256:x',
    ],
    [
      {
        kind: 'logged_out',
        address: '192.0.2.7',
        user: new Untrusted('abc'),
        connectedMs: 90_000,
        clients: 0,
      },
      'abc from 192.0.2.7 logged out after 1 minute 30 seconds; nobody is connected',
    ],
    [
      { kind: 'logged_out', address: '192.0.2.7', user: new Untrusted('abc'), connectedMs: 400, clients: 1 },
      'abc from 192.0.2.7 logged out after less than a second; 1 client is connected',
    ],
    [
      { kind: 'passed_by', address: '192.0.2.7', user: new Untrusted('abc'), connectedMs: 400, clients: 0 },
      'abc from 192.0.2.7 logged out after less than a second in which nothing ran; nobody is connected',
    ],
    [
      { kind: 'lost', reason: 'lost', ...GONE, clients: 0, deadline: NOW + 600_000 },
      'abc from 192.0.2.7 was lost after 1 minute 30 seconds without a goodbye; nobody is connected: ' +
        'waits until 14:13 UTC (10 minutes)',
    ],
    [
      { kind: 'lost', reason: 'fault', ...GONE, clients: 2, deadline: NOW + 600_000 },
      'abc from 192.0.2.7 was lost after 1 minute 30 seconds because of a fault; 2 clients are connected',
    ],
    [
      {
        kind: 'ssh',
        text: 'connection cut',
        fields: { clientId: 'c1', address: '192.0.2.9', reason: 'no login in time', after: 30 },
      },
      'connection cut (address 192.0.2.9, reason no login in time, after 30)',
    ],
    [{ kind: 'ssh', text: 'key exchange failed', fields: { clientId: 'c1' } }, 'key exchange failed'],
    [
      {
        kind: 'refused',
        address: '192.0.2.9',
        user: new Untrusted('root'),
        reason: new Untrusted('wrong password'),
        attempt: 2,
      },
      'refused root from 192.0.2.9: wrong password (attempt 2)',
    ],
    [
      {
        kind: 'refused',
        address: '192.0.2.9',
        user: new Untrusted('abc'),
        reason: new Untrusted('none of the offered keys is authorized'),
        attempt: 0,
      },
      'refused abc from 192.0.2.9: none of the offered keys is authorized',
    ],
    [
      { kind: 'resume', event: { kind: 'given_up', afterMs: 120_000 }, address: '192.0.2.7' },
      'session of 192.0.2.7 given up: its client did not come back within 2 minutes',
    ],
    [
      { kind: 'resume', event: { kind: 'given_up', afterMs: 0 }, address: '192.0.2.7' },
      'session of 192.0.2.7 ended with its transport',
    ],
    [{ kind: 'held', deadline: NOW + 600_000, by: 'file' }, 'held by .hold until 14:13 UTC (10 minutes)'],
    // Writing the file has taken a while.
    [{ kind: 'held', deadline: NOW + 598_600, by: 'file' }, 'held by .hold until 14:13 UTC (10 minutes)'],
    [
      { kind: 'held', deadline: NOW + 600_000, by: 'memory' },
      'held, without .hold, until 14:13 UTC (10 minutes)',
    ],
    [
      { kind: 'hold_old' },
      'there is an old .hold, from before this start: it does not hold; `touch .hold` or `converge hold` does',
    ],
    [{ kind: 'ended', reason: 'client_left', exitCode: 0 }, 'ended: the last client left'],
  ])('has one line for %j', (event, text) => {
    expect(logLineFrom(event, NOW)).toBe(`converge 14:03:22 UTC: ${text}`);
  });

  test('cannot be forged by a name, an address or a key comment', () => {
    const user = new Untrusted('x\r\n::error::boo\u001b[2J\u2028\u202e');
    const reason = new Untrusted('no');
    const line = logLineFrom({ kind: 'refused', address: '1', user, reason, attempt: 1 }, NOW);
    const shown = String.raw`x\r\n:\u{3a}error:\u{3a}boo\u{1b}[2J\u{2028}\u{202e}`;
    expect(line).toBe(`converge 14:03:22 UTC: refused ${shown} from 1: no (attempt 1)`);
  });

  test('shows the address of whoever has a long name', () => {
    const [user, reason] = [new Untrusted('\u0007'.repeat(900)), new Untrusted('no'.repeat(900))];
    const line = logLineFrom({ kind: 'refused', address: '2001:db8::9', user, reason, attempt: 1 }, NOW);
    expect(line).toContain(' from 2001:db8::9: no');
    expect(line.length).toBeLessThan(300);
  });

  test('leaves out with --quiet only what is no news', () => {
    expect(isRoutine({ kind: 'waiting', deadline: NOW })).toBe(true);
    expect(isRoutine({ kind: 'ended', reason: 'deadline', exitCode: 0 })).toBe(false);
  });
});

describe('a moment', () => {
  test('has its date when that is another day', () => {
    expect(formatMoment(NOW, NOW)).toBe('14:03 UTC');
    expect(formatMoment(NOW + 12 * 60 * MINUTE, NOW)).toBe('2026-11-23 02:03 UTC');
  });
});
