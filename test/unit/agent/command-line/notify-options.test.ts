// Whom to tell: `--notify` and CONVERGE_NOTIFY, and that a fault never shows the secret of a webhook.
import { describe, expect, test } from 'vitest';
import { type Invocation, parseInvocation } from '../../../../services/agent/command-line/cli.ts';
import { MAX_NOTIFIED_URLS } from '../../../../services/agent/command-line/notify-options.ts';

const RELAY = 'wss://relay.example.org/agent/job-1';
const SECRET = 'kJ3sSecretOfTheHook';

function told(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const invocation = parseInvocation([...argv, RELAY], env);
  if (invocation.kind !== 'run') expect.fail(JSON.stringify(invocation));
  return invocation.options.notify.map(({ form, url }) => `${form} ${url.href}`);
}

function faults(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  const invocation: Invocation = parseInvocation([...argv, RELAY], env);
  if (invocation.kind !== 'invalid') expect.fail(JSON.stringify(invocation));
  return invocation.faults;
}

describe('webhooks', () => {
  test('are URLs, each with a preset or none, as often as one likes', () => {
    expect(
      told([
        '--notify',
        'https://a.example/1,2',
        '--notify',
        'teams:https://b.example/x?sig=1',
        '--notify=Discord:https://c.example/',
      ]),
    ).toEqual([
      'json https://a.example/1,2',
      'teams https://b.example/x?sig=1',
      'discord https://c.example/',
    ]);
  });

  test('come in one variable, with commas or line ends between', () => {
    const CONVERGE_NOTIFY = ' slack:https://a.example/1 ,\nmattermost:https://b.example/2\n\n';
    expect(told([], { CONVERGE_NOTIFY })).toEqual([
      'slack https://a.example/1',
      'mattermost https://b.example/2',
    ]);
    expect(told(['--notify', 'https://c.example/'], { CONVERGE_NOTIFY })).toEqual([
      'json https://c.example/',
    ]);
  });

  test('are none in an empty variable: a fork is not given the secret, and runs all the same', () => {
    expect(told([], { CONVERGE_NOTIFY: '' })).toEqual([]);
    expect(told([], { CONVERGE_NOTIFY: ' \n' })).toEqual([]);
  });

  test.each(['http://localhost:9/', 'http://127.0.0.1/x', 'slack:http://[::1]:9/'])(
    '%s is on this machine',
    (url) => {
      expect(told(['--notify', url])).toHaveLength(1);
    },
  );

  test.each([
    'http://chat.example/',
    'http://127.0.0.1.example/',
    'http://localhost.example/',
    'slack:http://10.0.0.7/',
  ])('%s is refused, unless it is asked for', (url) => {
    expect(faults(['--notify', url])).toEqual([expect.stringContaining('--allow-insecure-notify')]);
    expect(told(['--notify', url, '--allow-insecure-notify'])).toHaveLength(1);
    expect(told(['--notify', url], { CONVERGE_ALLOW_INSECURE_NOTIFY: '1' })).toHaveLength(1);
  });

  test.each([
    [SECRET],
    [`ftp://chat.example/${SECRET}`],
    [`zulip:https://chat.example/${SECRET}`],
    [`slack:${SECRET}`],
    [`slack:teams:https://chat.example/${SECRET}`],
    [`http://chat.example/${SECRET}`],
    ['file:///etc/passwd'],
    [''],
  ])('%j is a fault, which does not show it', (url) => {
    const given = faults([`--notify=${url}`]);
    expect(given).toEqual([expect.stringMatching(/^--notify: the value /)]);
    expect(given.join()).not.toContain(SECRET);
  });

  test('are counted where one of several is wrong, and bounded', () => {
    const CONVERGE_NOTIFY = `https://a.example/,nonsense ${SECRET}`;
    expect(faults([], { CONVERGE_NOTIFY })).toEqual([
      expect.stringMatching(/^CONVERGE_NOTIFY: value 2 is no URL/),
    ]);
    const many = Array.from({ length: MAX_NOTIFIED_URLS + 1 }, () => 'https://a.example/').join();
    expect(faults([], { CONVERGE_NOTIFY: many })).toEqual([`CONVERGE_NOTIFY: 9 URLs, 8 are taken`]);
  });

  test('are better not in arguments', () => {
    const invocation = parseInvocation(['--notify', 'https://a.example/', RELAY], {});
    expect(invocation).toMatchObject({
      kind: 'run',
      notes: ['other users of this machine can see --notify in ps: use CONVERGE_NOTIFY instead'],
    });
  });
});
