// The agent's command line: every option from arguments and variables, and every fault at once.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AgentOptions, parseInvocation } from '../../../../services/agent/command-line/cli.ts';
import { AGENT_EXIT_CODES } from '../../../../services/agent/command-line/exit-code.ts';
import { helpText } from '../../../../services/agent/command-line/help-text.ts';
import { OPTIONS } from '../../../../services/agent/command-line/option-table.ts';
import { shellOption } from '../../../../services/agent/command-line/option-values.ts';

const URL = 'wss://relay.example.org/agent/job-1';

/** What else `--authorized-keys` alone does not name. */
const NOBODY_ELSE = {
  allowsHttp: false,
  accounts: [],
  authorities: [],
  principals: undefined,
  revokedKeys: undefined,
  asksRelay: false,
};

function run(argv: string[], env: Record<string, string> = {}): AgentOptions {
  const invocation = parseInvocation(argv, env);
  if (invocation.kind !== 'run') expect.fail(JSON.stringify(invocation));
  return invocation.options;
}

function faults(argv: string[], env: Record<string, string> = {}): readonly string[] {
  const invocation = parseInvocation(argv, env);
  if (invocation.kind !== 'invalid') expect.fail(JSON.stringify(invocation));
  return invocation.faults;
}

describe('options', () => {
  test('have the documented defaults', () => {
    expect(run([URL])).toEqual({
      relay: { base: 'wss://relay.example.org', id: 'job-1' },
      timeoutMs: 600_000,
      maxLifetimeMs: 21_600_000,
      resumeWindowMs: 120_000,
      entry: { kind: 'generated_password' },
      hasLink: false,
      user: 'abc',
      identity: undefined,
      identityKey: undefined,
      activity: 'keys',
      shell: undefined,
      allowsForwarding: true,
      auditsPaths: false,
      notify: [],
      outputFile: undefined,
      hasSummary: true,
      isJson: false,
      isQuiet: false,
    });
  });

  test('come from arguments', () => {
    const argv = ['--timeout', '5m', '--max-lifetime=1h', '--user', 'me', '--shell', '/bin/zsh', '--quiet'];
    expect(run([...argv, '--no-forwarding', '--audit-paths', '--resume-window', '0', URL])).toMatchObject({
      timeoutMs: 300_000,
      maxLifetimeMs: 3_600_000,
      resumeWindowMs: 0,
      user: 'me',
      shell: '/bin/zsh',
      allowsForwarding: false,
      auditsPaths: true,
      isQuiet: true,
    });
  });

  test('come from variables, every one of them', () => {
    expect(
      run([], {
        CONVERGE_URL: URL,
        CONVERGE_TIMEOUT: '5m',
        CONVERGE_MAX_LIFETIME: '1h',
        CONVERGE_RESUME_WINDOW: '30s',
        CONVERGE_PASSWORD: 'long enough now',
        CONVERGE_USER: 'me',
        CONVERGE_IDENTITY: 'key',
        CONVERGE_IDENTITY_KEY: 'id_ed25519',
        CONVERGE_SHELL: '/bin/zsh',
        CONVERGE_NO_FORWARDING: 'true',
        CONVERGE_AUDIT_PATHS: '1',
        CONVERGE_NOTIFY: 'slack:https://hooks.example/T1/B1/x',
        CONVERGE_OUTPUT: 'outputs',
        CONVERGE_NO_SUMMARY: '1',
        CONVERGE_JSON: '1',
        CONVERGE_QUIET: '1',
        CONVERGE_ACTIVITY: 'output',
        CONVERGE_LINK: '1',
      }),
    ).toEqual({
      relay: { base: 'wss://relay.example.org', id: 'job-1' },
      timeoutMs: 300_000,
      maxLifetimeMs: 3_600_000,
      resumeWindowMs: 30_000,
      entry: { kind: 'chosen_password', password: 'long enough now' },
      hasLink: true,
      user: 'me',
      identity: 'key',
      identityKey: 'id_ed25519',
      activity: 'output',
      shell: '/bin/zsh',
      allowsForwarding: false,
      auditsPaths: true,
      notify: [{ form: 'slack', url: new globalThis.URL('https://hooks.example/T1/B1/x') }],
      outputFile: 'outputs',
      hasSummary: false,
      isJson: true,
      isQuiet: true,
    });
  });

  test('prefer the argument to the variable', () => {
    const env = { CONVERGE_TIMEOUT: '1h', CONVERGE_URL: 'wss://other/agent', CONVERGE_AUTHORIZED_KEYS: 'b' };
    const options = run(['--timeout', '5m', '--authorized-keys', 'a', URL], env);
    expect(options).toMatchObject({ timeoutMs: 300_000, entry: { kind: 'keys', sources: ['a'] } });
    expect(options.relay.id).toBe('job-1');
  });

  test('take an empty variable as unset', () => {
    const env = {
      CONVERGE_TIMEOUT: '',
      CONVERGE_QUIET: '',
      CONVERGE_SHELL: '',
      CONVERGE_USER: '',
      CONVERGE_URL: '',
    };
    expect(run([URL], env)).toMatchObject({ timeoutMs: 600_000, isQuiet: false, user: 'abc' });
  });

  test('name each source of keys, repeated or in one variable', () => {
    const argv = ['--authorized-keys', 'keys one', '--authorized-keys=https://h/x,y.keys', URL];
    expect(run(argv).entry).toEqual({
      kind: 'keys',
      sources: ['keys one', 'https://h/x,y.keys'],
      ...NOBODY_ELSE,
    });
    const env = { CONVERGE_AUTHORIZED_KEYS: 'a, b\n\nhttps://h/me.keys\n' };
    expect(run([URL], env).entry).toEqual({
      kind: 'keys',
      sources: ['a', 'b', 'https://h/me.keys'],
      ...NOBODY_ELSE,
    });
  });

  test('name accounts, authorities, principals and revoked keys', () => {
    const people = ['--allow', 'github:ada', '--allow=github:acme/ops', '--trusted-user-ca', 'a,b.pub'];
    const more = ['--trusted-user-ca=https://h/ca.pub', '--principals', 'ops, ada', '--principals=root'];
    expect(run([...people, ...more, '--revoked-keys', 'a,b.krl', '--access=policy', URL]).entry).toEqual({
      kind: 'keys',
      sources: [],
      allowsHttp: false,
      accounts: [
        { kind: 'github', user: 'ada' },
        { kind: 'github_team', organisation: 'acme', team: 'ops' },
      ],
      authorities: ['a,b.pub', 'https://h/ca.pub'],
      principals: ['ops', 'ada', 'root'],
      revokedKeys: 'a,b.krl',
      asksRelay: true,
    });
    const env = {
      CONVERGE_ALLOW: 'github:ada,gitlab:bob\nhttps://h/list',
      CONVERGE_TRUSTED_USER_CA: 'ca.pub',
      CONVERGE_PRINCIPALS: '*',
      CONVERGE_REVOKED_KEYS: 'a,b.krl',
    };
    expect(run([URL], env).entry).toMatchObject({
      accounts: [
        { kind: 'github', user: 'ada' },
        { kind: 'gitlab', user: 'bob' },
        { kind: 'url', url: 'https://h/list' },
      ],
      authorities: ['ca.pub'],
      principals: 'any',
      revokedKeys: 'a,b.krl',
      asksRelay: false,
    });
    expect(run(['--access', 'policy', '--principals', 'ada', URL]).entry).toMatchObject({
      asksRelay: true,
      principals: ['ada'],
    });
  });

  test('give a note, not a fault, for a password that others can see', () => {
    expect(parseInvocation(['--password', 'long enough now', URL], {})).toMatchObject({
      kind: 'run',
      notes: ['other users of this machine can see --password in ps: use CONVERGE_PASSWORD instead'],
    });
  });
});

describe('the URL', () => {
  test.each([
    ['wss://h/agent', 'wss://h', undefined],
    ['wss://h/agent/', 'wss://h', undefined],
    ['ws://127.0.0.1:8080/agent/x', 'ws://127.0.0.1:8080', 'x'],
    ['https://h/agent/x/', 'wss://h', 'x'],
    ['http://[::1]:80/agent/x', 'ws://[::1]', 'x'],
    ['wss://h:443/a/b/agent/x', 'wss://h/a/b', 'x'],
    ['wss://h/agent/agent', 'wss://h', 'agent'],
    ['wss://h/a/b/agent', 'wss://h/a/b', undefined],
  ])('%s is understood', (text, base, id) => {
    expect(run([text]).relay).toEqual({ base, id });
  });

  test.each([
    ['h/agent/x', '"h/agent/x" has no scheme: write it like wss://HOST/agent'],
    ['wss://', '"wss://" is not a URL: write it like wss://HOST/agent'],
    ['ftp://h/agent', '"ftp://h/agent" must start with wss:// or ws://'],
    ['wss://h', '"wss://h" must end in /agent or /agent/ID: write it like wss://h/agent'],
    ['wss://h/client/x', '"wss://h/client/x" must end in /agent or /agent/ID: write it like wss://h/agent'],
    [
      'wss://h/agent/-x',
      '"-x" is not an ID: it must be 1 to 128 of A-Z a-z 0-9 . _ -, starting with a letter or digit',
    ],
    [
      'wss://h/agent/a b/',
      '"a b" is not an ID: it must be 1 to 128 of A-Z a-z 0-9 . _ -, starting with a letter or digit',
    ],
    ['wss://h/agent/x?y', '"wss://h/agent/x?y" must end with the ID: remove what follows from "?" or "#" on'],
    [
      'wss://me:secret@h/agent',
      'a user or password does not belong into the URL: write it like wss://h/agent',
    ],
  ])('%s is refused', (text, fault) => {
    expect(faults([text])).toEqual([fault]);
    expect(faults([], { CONVERGE_URL: text })).toEqual([`CONVERGE_URL: ${fault}`]);
  });
});

describe('faults', () => {
  test('are listed all at once', () => {
    const argv = ['--timeout', 'soon', '--bogus', '--user', 'a b', '--shell', 'bash', '--password', 'short'];
    expect(faults(argv, { CONVERGE_QUIET: 'maybe' })).toEqual([
      'unknown option --bogus: see agent --help',
      'the URL of the relay is missing: agent wss://HOST/agent, or set CONVERGE_URL',
      '--timeout: "soon" is not a duration: write it like 90s, 10m, 2h or 1h30m',
      '--password is too short (5 characters): use 12 characters or more, or leave it out to get one made',
      '--user: "a b" is not a user name: 1 to 64 of A-Z a-z 0-9 _ . -, not starting with . or -',
      '--shell: "bash" is not an absolute path: write it like /bin/bash',
      'CONVERGE_QUIET: "maybe" is neither 1 nor 0',
    ]);
  });

  test.each<[string, string[], Record<string, string>, string]>([
    [
      'what is no kind of activity',
      ['--activity', 'mouse'],
      {},
      '--activity: "mouse" is neither keys nor output',
    ],
    ['a missing value', ['--timeout'], {}, '--timeout needs a value: --timeout=DURATION'],
    ['an option as a value', ['--timeout', '--quiet'], {}, '--timeout needs a value: --timeout=DURATION'],
    ['a value for a switch', ['--quiet=no'], {}, '--quiet takes no value, got "no"'],
    ['an option twice', ['--user', 'a', '--user', 'b'], {}, '--user was given twice: keep one'],
    ['a second URL', ['x'], {}, `one URL is expected, but more follows "${URL}": "x"`],
    [
      'keys and a password',
      ['--authorized-keys', 'f'],
      { CONVERGE_PASSWORD: 'long enough now' },
      'CONVERGE_PASSWORD and --authorized-keys exclude each other: with keys, only keys are accepted; remove one',
    ],
    [
      'a link that lets in, where only keys do',
      ['--allow', 'github:ada', '--link'],
      {},
      '--link is a link in place of a password, and only keys are accepted: remove it',
    ],
    [
      'an account and a password',
      ['--allow', 'github:ada', '--password', 'long enough now'],
      {},
      '--password and --allow exclude each other: with keys, only keys are accepted; remove one',
    ],
    [
      'an account that is none',
      ['--allow', 'ada'],
      {},
      '--allow: "ada" is no account: write github:USER, github:ORG/TEAM, gitlab:USER or https://HOST/LIST',
    ],
    [
      'too many accounts',
      Array.from({ length: 51 }, () => '--allow=github:ada'),
      {},
      '--allow: 51 accounts, 50 are taken; name a team',
    ],
    [
      'principals without certificates',
      ['--allow', 'github:ada', '--principals', 'ada'],
      {},
      '--principals is about certificates: add --trusted-user-ca',
    ],
    [
      'principals without anybody',
      ['--principals', 'ada'],
      {},
      '--principals is about keys and certificates: add --trusted-user-ca, --allow or --authorized-keys',
    ],
    [
      'revoked keys beside a password',
      ['--revoked-keys', 'krl'],
      { CONVERGE_PASSWORD: 'long enough now' },
      '--revoked-keys is about keys and certificates: add --trusted-user-ca, --allow or --authorized-keys',
    ],
    [
      'a pattern among the principals',
      ['--trusted-user-ca', 'ca.pub', '--principals', 'ada,ops-*'],
      {},
      '--principals: "ops-*" is no name in a certificate: names have no patterns; * alone is anybody',
    ],
    [
      'another word for access',
      ['--access', 'everybody'],
      {},
      '--access: "everybody" is not known: the one word is policy',
    ],
    [
      'empty revoked keys, which are a missing secret',
      ['--trusted-user-ca', 'ca.pub'],
      { CONVERGE_REVOKED_KEYS: '' },
      'CONVERGE_REVOKED_KEYS is empty: give it a value, or unset it',
    ],
    [
      'an empty account, which is a missing secret',
      [],
      { CONVERGE_ALLOW: ' ' },
      'CONVERGE_ALLOW is empty: give it a value, or unset it',
    ],
    [
      'a timeout that the lifetime cuts off',
      ['--max-lifetime', '5m'],
      {},
      '--timeout (10m) is longer than --max-lifetime (5m): shorten the one or lengthen the other',
    ],
    [
      'the same with variables',
      [],
      { CONVERGE_TIMEOUT: '7h' },
      'CONVERGE_TIMEOUT (7h) is longer than --max-lifetime (6h): shorten the one or lengthen the other',
    ],
    [
      'an empty password, which is a missing secret',
      [],
      { CONVERGE_PASSWORD: '' },
      'CONVERGE_PASSWORD is too short (0 characters): use 12 characters or more, or leave it out to get one made',
    ],
    [
      'empty keys, which would silently open the door to a password',
      [],
      { CONVERGE_AUTHORIZED_KEYS: ' \n' },
      'CONVERGE_AUTHORIZED_KEYS is empty: name a file or an https:// URL, or unset it to use a password',
    ],
    [
      'an identity that nobody has',
      ['--identity', 'jenkins'],
      {},
      '--identity: "jenkins" is none of github, gitlab, circleci, buildkite, token, key, none',
    ],
    [
      'an identity that every object has',
      ['--identity=constructor'],
      {},
      '--identity: "constructor" is none of github, gitlab, circleci, buildkite, token, key, none',
    ],
    [
      'a key for an identity that is none',
      ['--identity-key', 'id'],
      { CONVERGE_IDENTITY: 'github' },
      '--identity-key is for an identity by key, and CONVERGE_IDENTITY is github: remove one of them',
    ],
    [
      'a user that ssh takes for an option',
      ['--user=-l'],
      {},
      '--user: "-l" is not a user name: 1 to 64 of A-Z a-z 0-9 _ . -, not starting with . or -',
    ],
  ])('%s', (_name, argv, env, fault) => {
    expect(faults([URL, ...argv], env)).toEqual([fault]);
  });

  test('count the characters of a password, and twelve are enough', () => {
    const fault = /^--password is too short \(11 characters\): use 12 characters or more/;
    expect(faults([URL, '--password', 'x'.repeat(11)])).toEqual([expect.stringMatching(fault)]);
    expect(faults([URL, '--password', '🔑'.repeat(11)])).toEqual([expect.stringMatching(fault)]);
    expect(run(['--password', 'x'.repeat(12), URL]).entry).toMatchObject({ kind: 'chosen_password' });
  });

  test('never tell a password', () => {
    expect(faults([URL, '--password', 'hunter2']).join()).not.toContain('hunter2');
  });

  test('are what comes of any nonsense, never an exception', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (argv) => {
        expect(['run', 'help', 'version', 'invalid', 'converge_command']).toContain(
          parseInvocation(argv, {}).kind,
        );
      }),
    );
  });
});

describe('other invocations', () => {
  test('help on Windows has the words of its shells and keys, and no signals', () => {
    const text = helpText('win32');
    expect(text).toContain('`echo x>.hold` holds');
    expect(text).toContain('`del .hold` lets go');
    expect(text).toContain('Ctrl-C and Ctrl-Break end it.');
    expect(text).not.toMatch(/SIG[A-Z]+|touch/);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('a shell is named on Windows, and lies somewhere elsewhere', () => {
    const [windows, linux] = [shellOption('win32'), shellOption('linux')];
    expect(windows.help).toContain('powershell, pwsh, cmd or a path');
    for (const word of ['pwsh', 'C:\\Git\\bin\\bash.exe', undefined])
      expect(windows.read(word)).toEqual({ kind: 'value', value: word });
    expect(linux.read('pwsh').kind).toBe('fault');
  });

  test('help, whatever else is wrong, names every option, variable and exit code in 80 columns', () => {
    const invocation = parseInvocation(['--bogus', '-h'], {});
    if (invocation.kind !== 'help') expect.fail(invocation.kind);
    for (const { name, variable } of Object.values(OPTIONS)) {
      expect(invocation.text).toContain(`--${name}`);
      expect(invocation.text).toContain(variable);
    }
    for (const code of Object.values(AGENT_EXIT_CODES)) expect(invocation.text).toContain(`\n  ${code}  `);
    expect(invocation.text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    // A name as long as the column would run into what stands behind it.
    expect(invocation.text).not.toMatch(/^ +[A-Z_]+--/m);
    for (const variable of ['CONVERGE_TOKEN', 'CONVERGE_ID_TOKEN', 'CONVERGE_GITHUB_TOKEN'])
      expect(invocation.text).toContain(`  ${variable} `);
  });

  test('version', () => {
    expect(parseInvocation(['--version'], {})).toEqual({ kind: 'version' });
  });

  test('a session command passes its arguments on untouched', () => {
    expect(parseInvocation(['--session-command', '/tmp/s', 'hold', '--help'], {})).toEqual({
      kind: 'converge_command',
      socketPath: '/tmp/s',
      argv: ['hold', '--help'],
    });
  });
});
