// What an operator types before anybody comes: a token, a check of the policy, and a relay that does not start with a faulty one.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { makeToken, runRelayCommand } from '../support/entry/relay-command.ts';
import { useWorld } from '../support/laptop/world.ts';

const world = useWorld();

async function write(text: string): Promise<string> {
  const file = join(await world.makeFolder('policy'), 'policy.yaml');
  await writeFile(file, text);
  return file;
}

const FAULTY = `audience: https://converge.example.com/relay
agents:
  - name: acme
    issuer: github
    match: { repository_owner: acme*, sub: 'repo:acme/app:ref:refs/heads/main' }
    ids: gh.{repositry}.*
  - name: acme
    tokens: [ { name: jenkins, sha256: not-a-hash, expires: 2027-13-01 } ]
    ids: '*'
clinets: []
`;

describe.concurrent('a faulty policy', () => {
  test('is told whole, each fault with its line, by the check and by the relay alike: both end with 2', async () => {
    const file = await write(FAULTY);
    const check = await runRelayCommand(world, ['policy', file]);
    expect({ code: check.code, stdout: check.stdout }).toEqual({ code: 2, stdout: '' });
    const faults = check.stderr.trimEnd().split('\n');
    const lines = faults.map((fault) => Number(fault.slice(`${file}:`.length).split(':')[0]));
    expect([...new Set(lines)]).toEqual([1, 5, 6, 7, 8, 9, 10]);
    expect(faults).toHaveLength(9);
    for (const word of ['acme*', 'the claim sub', 'repositry', '64 hexadecimal', '2027-13-01', 'clinets'])
      expect(check.stderr).toContain(word);
    const relay = await runRelayCommand(world, [], { POLICY_FILE: file });
    expect({ code: relay.code, stdout: relay.stdout }).toEqual({ code: 2, stdout: '' });
    for (const fault of faults) expect(relay.stderr).toContain(fault.slice(file.length));
  });

  test('that is not there is a fault too', async () => {
    const relay = await runRelayCommand(world, [], { POLICY_FILE: '/nowhere/policy.yaml' });
    expect(relay.code).toBe(2);
    expect(relay.stderr).toMatch(/\/nowhere\/policy\.yaml/);
  });
});

describe.concurrent('a good policy', () => {
  test('that admits nobody is said in a word', async () => {
    const { code, stdout, stderr } = await runRelayCommand(world, ['policy', await write('agents: []\n')]);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'agents: nobody\nclients: anybody may reach the agents, whose own check comes after\n',
      stderr: '',
    });
  });

  test('of deploy/README.md is told in other words', async () => {
    const readme = await readFile(join(ROOT, 'deploy/README.md'), 'utf8');
    const [, policy = ''] = /### A single team\n\n```yaml\n([^]*?)```/.exec(readme) ?? [];
    const { code, stdout, stderr } = await runRelayCommand(world, ['policy', await write(policy)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^agents: 2 rules, of which the first that admits counts\n {2}jenkins: the token jenkins-2026 until /m,
    );
    expect(stdout).toMatch(/^clients: 2 rules/m);
  });
});

describe.concurrent('the command token', () => {
  test('prints the secret alone, and the lines of the policy that know it by its hash', async () => {
    const { secret, lines } = await makeToken(world, 'jenkins-2027');
    expect(secret).toMatch(/^cvg_[\w-]{43}$/);
    const sha256 = createHash('sha256').update(secret).digest('hex');
    expect(lines.slice(0, 2)).toEqual(['- name: jenkins-2027', `  sha256: ${sha256}`]);
    const tokens = lines.map((line) => `      ${line}`).join('\n');
    const file = await write(`agents:\n  - name: jenkins\n    ids: jenkins.*\n    tokens:\n${tokens}\n`);
    const { code, stdout } = await runRelayCommand(world, ['policy', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('jenkins: the token jenkins-2027 until ');
    expect(stdout).not.toContain(secret);
  });

  test('that does not exist starts no relay', async () => {
    const { code, stderr } = await runRelayCommand(world, ['tokens']);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'relay: there is no command "tokens", only policy, token; without one this is a relay\n',
    );
  });
});
