// `token`: the secret on one output and what may be known on the other, and what is refused.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runSubcommand } from '../../../../services/relay/subcommand/subcommand.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');

function run(...args: string[]) {
  const printed: string[] = [];
  const told: string[] = [];
  const code = runSubcommand(args, {
    print: (line) => void printed.push(line),
    env: {},
    complain: (line) => void told.push(line),
    now: NOW,
  });
  return { code, printed, told: told.join('\n') };
}

/** The lines for the policy, read as such. */
function linesIn(told: string): unknown {
  return parse(told.slice(told.indexOf('\n- name:')));
}

test('the secret is alone on standard output, and its hash with a name and a day on the other', () => {
  const { code, printed, told } = run('token', 'jenkins-2026', '--expires', '2027-01-31');
  expect(code).toBe(0);
  const [token = '', ...more] = printed;
  expect(more).toEqual([]);
  expect(token).toMatch(/^cvg_[A-Za-z0-9_-]{43}$/);
  expect(told).not.toContain(token.slice(4));
  const sha256 = createHash('sha256').update(token).digest('hex');
  expect(linesIn(told)).toEqual([{ name: 'jenkins-2026', sha256, expires: '2027-01-31' }]);
});

test('no two are alike', () => {
  const tokens = Array.from({ length: 20 }, () => run('token').printed[0]);
  expect(new Set(tokens).size).toBe(20);
});

test.each([
  [[], { name: 'token-2026-11-29', expires: '2027-02-27' }],
  [['ci', '--expires=1d'], { name: 'ci', expires: '2026-11-30' }],
  [['--expires', '365d', 'ci'], { name: 'ci', expires: '2027-11-29' }],
  [['ci', '--expires', '2028-02-29'], { name: 'ci', expires: '2028-02-29' }],
])('%j makes %j', (args, wanted) => {
  const { told } = run('token', ...args);
  expect(linesIn(told)).toMatchObject([wanted]);
});

describe('is refused, with the way out and no token', () => {
  test.each<[string[], RegExp]>([
    [['Jenkins'], /"Jenkins" is no name: lower-case letters/],
    [['a'.repeat(65)], /is no name/],
    [['ci', 'more'], /"more" is nothing that token knows/],
    [['ci', '--expire', '1d'], /"--expire" is nothing that token knows/],
    [['ci', '--expires'], /--expires "" is neither days such as 90d/],
    [['ci', '--expires', '90'], /is neither/],
    [['ci', '--expires', '2027-02-30'], /is neither/],
    [['ci', '--expires', '2027-13-01'], /is neither/],
    [['ci', '--expires', '2026-11-29'], /is not after today/],
    [['ci', '--expires', '0d'], /is not after today/],
    [['ci', '--expires', '9999d'], /is more than ten years away/],
  ])('%j', (args, sentence) => {
    const { code, printed, told } = run('token', ...args);
    expect({ code, printed }).toEqual({ code: 2, printed: [] });
    expect(told).toMatch(sentence);
    expect(told).toContain('usage: node dist/relay/main.js token');
  });
});

test('without a word, and with its one option, a relay is wanted; with any other word nothing is started', () => {
  expect(run().code).toBeUndefined();
  expect(run('--hints').code).toBeUndefined();
  for (const args of [
    ['--policy', 'policy.yaml'],
    ['--hints', '--policy=policy.yaml'],
    ['--hints', 'policy'],
  ]) {
    const { code, told } = run(...args);
    expect(code).toBe(2);
    expect(told).toMatch(/^relay: ".*" is nothing that a relay knows: .*POLICY_FILE/);
  }
  for (const word of ['tokens', 'constructor', 'serve']) {
    const { code, told } = run(word);
    expect(code).toBe(2);
    expect(told).toContain(`there is no command "${word}", only policy, token`);
  }
});

test.each([[['--help']], [['-h']], [['token', '--help']], [['policy', '-h']]])(
  '%j says what there is, and starts nothing',
  (args) => {
    const { code, printed, told } = run(...args);
    expect({ code, told }).toEqual({ code: 0, told: '' });
    expect(printed.join('\n')).toMatch(/usage: [\s\S]*main\.js policy FILE[\s\S]*main\.js token/);
  },
);
