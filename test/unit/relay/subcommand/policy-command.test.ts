// `policy FILE`: what it prints, and its exit code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runSubcommand } from '../../../../services/relay/subcommand/subcommand.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'converge-policy-'));
  path = join(folder, 'policy.yaml');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function run(args: readonly string[], env: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = runSubcommand(['policy', ...args], {
    env,
    now: Date.now(),
    print: (line) => out.push(line),
    complain: (line) => err.push(line),
  });
  return { code, out, err };
}

test('a good file is told in the words of its rules', () => {
  writeFileSync(
    path,
    `agents:
- name: acme
  issuer: github
  match: { repository_owner: acme, ref: [refs/heads/*, refs/tags/v1] }
  ids: ['gh.{repository}.*', acme.*]
  limits: { agents: 20, lifetime: 6h, sessions: 5, bytes-per-second: 1 MiB, total-bytes: 1 GiB }
  access: { people: ['github:ada'] }
- { name: jenkins, tokens: [ { name: t, sha256: ${'a'.repeat(64)}, expires: 2099-01-31 } ], ids: jenkins.* }
clients:
- { name: office, networks: [203.0.113.0/24] }
`,
  );
  expect(run([path], { PUBLIC_URL: 'https://converge.example.com/x' })).toEqual({
    code: 0,
    err: [],
    out: [
      'audience: https://converge.example.com',
      'agents: 2 rules, of which the first that admits counts',
      '  acme: a token of https://token.actions.githubusercontent.com with repository_owner acme and ref refs/heads/* or refs/tags/v1',
      '    IDs gh.{repository}.*, acme.* (acme.* shared by all that match)',
      '    limits: 20 agents at once, 6h each, 5 sessions at once each, 1 MiB a second each, 1 GiB in all each',
      '    access: github:ada',
      '  jenkins: the token t until 2099-02-01T00:00:00.000Z',
      '    IDs jenkins.*',
      'clients: 1 rule',
      '  office: whoever comes from its networks',
      '    from 203.0.113.0/24',
    ],
  });
});

test('who is everybody and who is nobody is said in words', () => {
  writeFileSync(path, 'agents: []');
  const { code, out } = run([path]);
  expect([code, out]).toEqual([
    0,
    ['agents: nobody', 'clients: anybody may reach the agents, whose own check comes after'],
  ]);
});

test('faults are told with file and line, and nothing else is printed', () => {
  writeFileSync(path, 'agnts: []\nagents:\n- x');
  expect(run([path])).toEqual({
    code: 2,
    out: [],
    err: [
      `${path}:1: "agnts" is no word here: did you mean "agents"?`,
      `${path}:3: a rule of "agents" must be a map, and is the text "x"`,
    ],
  });
  expect(run([join(folder, 'none.yaml')])).toMatchObject({
    code: 2,
    err: [expect.stringMatching(/none\.yaml cannot be read: ENOENT/)],
  });
});

test('what is odd is told, and does not count', () => {
  writeFileSync(path, 'agents: []\nsso: { issuer: https://login.example.com, client-id: x }');
  expect(run([path])).toMatchObject({ code: 0, err: [expect.stringMatching(/:2: .*counts all the same/)] });
});

test.each([[[]], [['--fix']], [['a', 'b']]])('%j is told how it is used', (args) => {
  expect(run(args)).toMatchObject({ code: 2, out: [], err: [expect.stringMatching(/policy FILE checks/)] });
});
