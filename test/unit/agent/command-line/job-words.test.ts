// The commands of a job on the command line, and that everything else is what it was.
import { describe, expect, test } from 'vitest';
import { type Invocation, parseInvocation } from '../../../../services/agent/command-line/cli.ts';
import { OPTIONS } from '../../../../services/agent/command-line/option-table.ts';

const URL = 'wss://relay.example.org/agent/job-1';
const RELAY = { base: 'wss://relay.example.org', id: 'job-1' };

const parse = (argv: string[], env: Record<string, string> = {}): Invocation => parseInvocation(argv, env);

function faults(...argv: string[]): readonly string[] {
  const invocation = parse(argv);
  if (invocation.kind !== 'invalid') expect.fail(JSON.stringify(invocation));
  return invocation.faults;
}

describe('agent run', () => {
  test('takes all behind the two dashes as it is', () => {
    const command = ['make', '--', '-j2', '--timeout', 'x y', ''];
    expect(parse(['run', '--timeout', '5m', URL, '--', ...command])).toMatchObject({
      kind: 'run_command',
      options: { relay: RELAY, timeoutMs: 300_000 },
      command,
    });
  });

  test('has its URL from the environment too', () => {
    const invocation = parse(['run', '--', 'true'], { CONVERGE_URL: URL });
    expect(invocation).toMatchObject({ kind: 'run_command', options: { relay: RELAY }, command: ['true'] });
  });

  test('finds every fault before anything runs', () => {
    expect(faults('run', '--tmeout', '5m', URL)).toEqual([
      'unknown option --tmeout: see agent --help',
      expect.stringContaining('one URL is expected'),
      'the command is missing: agent run [options] [URL] -- COMMAND…',
    ]);
    expect(faults('run', URL, '--')).toEqual([
      'the command is missing: agent run [options] [URL] -- COMMAND…',
    ]);
    expect(faults('run', '--name', 'x', URL, '--', 'true')).toEqual([
      'unknown option --name: see agent --help',
      expect.anything(),
    ]);
  });

  test.each([
    ['an empty list of who may come in, as a missing secret is', { CONVERGE_ALLOW: '' }],
    ['an empty password', { CONVERGE_PASSWORD: '' }],
    ['a duration that is none', { CONVERGE_MAX_LIFETIME: '2 hours' }],
    ['durations that do not fit', { CONVERGE_TIMEOUT: '7h' }],
    ['no URL', { CONVERGE_URL: '' }],
    ['a URL that is none', { CONVERGE_URL: 'ftp://relay' }],
  ])('runs the command alone where the environment has %s', (_, env) => {
    const invocation = parse(['run', '--', 'make', '-k'], { CONVERGE_URL: URL, ...env });
    expect(invocation).toEqual({ kind: 'run_alone', faults: [expect.any(String)], command: ['make', '-k'] });
  });

  test('runs nothing where the words are wrong, whatever the environment has', () => {
    const bad = { CONVERGE_ALLOW: '' };
    expect(parse(['run', '--tmeout=5m', URL, '--', 'make'], bad)).toMatchObject({ kind: 'invalid' });
    expect(parse(['run', 'ftp://relay', '--', 'make'], bad)).toMatchObject({ kind: 'invalid' });
    expect(parse(['run'], bad)).toMatchObject({ kind: 'invalid' });
  });

  test('leaves --help and --version of the command to it', () => {
    expect(parse(['run', URL, '--', 'make', '--help'])).toMatchObject({ kind: 'run_command' });
    expect(parse(['run', '--help'])).toMatchObject({ kind: 'help' });
  });
});

describe('agent start', () => {
  test('hands its words to the agent, but for the name', () => {
    const words = ['--timeout', '5m', '--quiet', URL];
    const start = (...more: string[]) => parse(['start', ...more, ...words]);
    expect(start()).toEqual({ kind: 'start', name: undefined, words, isQuiet: true });
    expect(start('--name', 'web')).toEqual({ kind: 'start', name: 'web', words, isQuiet: true });
    expect(start('--name=web')).toEqual({ kind: 'start', name: 'web', words, isQuiet: true });
    expect(parse(['start', URL], { CONVERGE_NAME: 'db' })).toMatchObject({ name: 'db', isQuiet: false });
    expect(parse(['start', '--name', 'web', URL], { CONVERGE_NAME: 'db' })).toMatchObject({ name: 'web' });
    expect(parse(['start', URL], { CONVERGE_NAME: '' })).toMatchObject({ name: undefined });
  });

  test('refuses what the agent would refuse, and names that are none', () => {
    expect(faults('start', '--bad', '--name', '../x', URL)).toEqual([
      'unknown option --bad: see agent --help',
      expect.stringMatching(/^--name: "\.\.\/x" is not a name: it must be /),
    ]);
    expect(faults('start', URL, '--name')).toEqual(['--name needs a value: --name=NAME']);
    expect(faults('start', '--name=a', '--name=b', URL)).toEqual(['--name was given twice: keep one']);
  });
});

describe('agent wait, stop and status', () => {
  test('take their own options, from arguments and variables', () => {
    expect(parse(['wait'])).toEqual({ kind: 'wait', name: undefined, lingerMs: 0 });
    expect(parse(['wait', '--linger', '5m', '--name', 'x'])).toEqual({
      kind: 'wait',
      name: 'x',
      lingerMs: 300_000,
    });
    expect(parse(['wait', '--linger=0'])).toMatchObject({ lingerMs: 0 });
    expect(parse(['wait'], { CONVERGE_LINGER: '30s', CONVERGE_NAME: 'y' })).toEqual({
      kind: 'wait',
      name: 'y',
      lingerMs: 30_000,
    });
    expect(parse(['stop', '--name=x'])).toEqual({ kind: 'stop', name: 'x' });
    expect(parse(['status'])).toEqual({ kind: 'status', name: undefined, isJson: false });
    expect(parse(['status', '--json'])).toEqual({ kind: 'status', name: undefined, isJson: true });
  });

  test('refuse others, and arguments', () => {
    expect(faults('wait', '--json', 'x')).toEqual([
      'agent wait takes no argument, got "x"',
      'unknown option --json of agent wait: see agent --help',
    ]);
    expect(faults('stop', '--linger', '5m')).toEqual([
      'unknown option --linger of agent stop: see agent --help',
    ]);
    expect(faults('wait', '--linger', 'soon')).toEqual([
      expect.stringMatching(/^--linger: "soon" is not a duration/),
    ]);
    expect(faults('wait', '--linger')).toEqual(['--linger needs a value: --linger=DURATION']);
  });

  test.each(['wait', 'stop', 'status', 'start', 'run'])('%s --help is the help', (command) => {
    expect(parse([command, '--help'])).toMatchObject({ kind: 'help' });
    expect(parse([command, '-V'])).toMatchObject({ kind: 'version' });
  });
});

test('everything else is an agent in the foreground, as it was', () => {
  expect(parse([URL])).toMatchObject({ kind: 'run', options: { relay: RELAY } });
  // A command is the first word or none.
  expect(parse(['--quiet', 'wait', URL])).toMatchObject({ kind: 'invalid' });
  expect(parse(['--user', 'start', URL])).toMatchObject({ kind: 'run', options: { user: 'start' } });
  const taken = Object.values(OPTIONS).map(({ name }): string => name);
  expect(taken).not.toContain('name');
  expect(taken).not.toContain('linger');
});

test('the flag of a background agent is for agent start alone', () => {
  const place = { name: 'n', job: 'j', state: '/s', run: 'run-AbCdEf', program: ['/a'] };
  expect(parse(['--in-background', JSON.stringify(place), '--quiet', URL])).toMatchObject({
    kind: 'in_background',
    place,
    options: { isQuiet: true },
  });
  expect(faults('--in-background', 'x', URL)).toEqual(['--in-background is for agent start alone']);
  expect(faults('--in-background', JSON.stringify(place), '--bad', URL)).toEqual([
    'unknown option --bad: see agent --help',
  ]);
});
