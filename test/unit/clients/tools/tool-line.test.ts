// The line of a tool: where our options stand among those of a person.
import { describe, expect, test } from 'vitest';
import { type ToolRequest, toolLine } from '../../../../services/clients/tools/tool-line.ts';

const REQUEST: ToolRequest = {
  tool: 'ssh',
  wsproxy: ['/bin/wsproxy', 'wss://h/client/job-1'],
  id: 'job-1',
  user: 'abc',
  isPinned: true,
  resumeWindowMs: 120_000,
  words: [],
  platform: 'linux',
};

/** The words with ours as `OURS`; the message if it is none. */
function lineOf(request: Partial<ToolRequest>): string {
  const line = toolLine({ ...REQUEST, ...request });
  if (line.kind === 'invalid') return line.message;
  return line.words.join(' ').replace(/-o '?ProxyCommand=.*CountMax=5/, 'OURS');
}

test('ours: the way, the key as the pin has it, probes that outlast the window, the name', () => {
  const line = toolLine(REQUEST);
  expect(line).toEqual({
    kind: 'line',
    words: [
      'ssh',
      '-o',
      'ProxyCommand=/bin/wsproxy wss://h/client/job-1',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'LogLevel=ERROR',
      '-o',
      'ServerAliveInterval=30',
      '-o',
      'ServerAliveCountMax=5',
      'abc@job-1',
    ],
  });
});

test('without a pin ssh is left to ask about the key', () => {
  const line = toolLine({ ...REQUEST, isPinned: false });
  expect(JSON.stringify(line)).not.toMatch(/StrictHostKeyChecking|LogLevel/);
  expect(JSON.stringify(line)).toContain('UserKnownHostsFile=/dev/null');
});

describe('a person’s own options come first, so that ssh takes those', () => {
  test.each([
    [['-v', 'ls', '-l'], 'ssh -v OURS abc@job-1 ls -l'],
    [['-l', 'dana', '-p22', '-tt', 'top'], 'ssh -l dana -p22 -tt OURS abc@job-1 top'],
    [['-vo', 'LogLevel=DEBUG', '-4NL', '1:h:2'], 'ssh -vo LogLevel=DEBUG -4NL 1:h:2 OURS abc@job-1'],
    [['--', '-odd'], 'ssh OURS abc@job-1 -- -odd'],
    [['echo', ':x'], 'ssh OURS abc@job-1 echo :x'],
    [['-o'], 'ssh -o OURS abc@job-1'],
  ])('ssh %j', (words, expected) => {
    expect(lineOf({ words })).toBe(expected);
  });

  test.each([
    [['-r', '-l', '100', ':a', ':b c', './:d'], 'scp -r -l 100 OURS abc@job-1:a abc@job-1:b c ./:d'],
    [['-O', 'a', ':'], 'scp -O OURS a abc@job-1:'],
  ])('scp %j', (words, expected) => {
    expect(lineOf({ tool: 'scp', words })).toBe(expected);
  });

  test.each([
    [[], 'sftp OURS abc@job-1'],
    [['-b', '-', ':dir'], 'sftp -b - OURS abc@job-1:dir'],
  ])('sftp %j', (words, expected) => {
    expect(lineOf({ tool: 'sftp', words })).toBe(expected);
  });

  test.each([
    [['-av', ':a/', 'b', '--delete'], 'rsync -e ssh OURS -av abc@job-1:a/ b --delete'],
    [
      ['-af', ': .rules', '--filter', ': x', '--exclude', ':y', ':a', '.'],
      'rsync -e ssh OURS -af : .rules --filter : x --exclude :y abc@job-1:a .',
    ],
  ])('rsync %j', (words, expected) => {
    expect(lineOf({ tool: 'rsync', words })).toBe(expected);
  });
});

describe('what cannot be meant ends in a sentence', () => {
  test.each([
    ['scp', ['a', 'b'], /a path in the job begins with a colon, and there is none: wsproxy scp URL :FILE \./],
    ['rsync', ['-a', 'a', 'b'], /wsproxy rsync URL -a :FILE \./],
    ['sftp', ['dir'], /takes one path in the job, which begins with a colon; not "dir"/],
    ['sftp', [':a', ':b'], /takes one path/],
    ['rsync', ['-avze', 'ssh', ':a', 'b'], /is given -e by wsproxy/],
    ['rsync', ['--rsh=ssh', ':a', 'b'], /is given -e by wsproxy/],
  ] as const)('%s %j', (tool, words, message) => {
    expect(lineOf({ tool, words })).toMatch(message);
  });

  test('a letter that is the value of another is not rsync’s -e', () => {
    expect(lineOf({ tool: 'rsync', words: ['-afe', ':a', 'b'] })).not.toContain('is given');
  });
});
