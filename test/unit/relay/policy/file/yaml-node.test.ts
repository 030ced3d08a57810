// YAML in a policy: texts, lists and maps with their lines; nothing else of YAML, and nothing that takes long.
import { expect, test } from 'vitest';
import { FaultList } from '../../../../../services/relay/policy/file/policy-fault.ts';
import { MAX_YAML_DEPTH, readYaml } from '../../../../../services/relay/policy/file/yaml-node.ts';
import { faultsOf } from '../../../../support/relay/policy-text.ts';

test('a text is what was written, whatever other readers take it for, and knows its line', () => {
  const text = '# first\na: [no, 0123, ~,\n  2027-01-31, "x\\ty", 1e3]\nb:\n  c: >-\n    one\n    two\n';
  const faults = new FaultList();
  const node = readYaml(text, faults);
  expect(faults.faults).toEqual([]);
  const entries = node?.kind === 'map' ? node.entries : new Map();
  const [a, b] = ['a', 'b'].map((word) => entries.get(word)?.value);
  expect(a).toMatchObject({
    kind: 'list',
    line: 2,
    items: [
      { text: 'no', line: 2 },
      { text: '0123', line: 2 },
      { text: '~', line: 2 },
      { text: '2027-01-31', line: 3 },
      { text: 'x\ty', line: 3 },
      { text: '1e3', line: 3 },
    ],
  });
  expect(b?.kind === 'map' && b.entries.get('c')).toEqual({
    line: 5,
    value: { kind: 'text', text: 'one two', line: 5 },
  });
});

const nested = (depth: number) => `agents: ${'['.repeat(depth)}${']'.repeat(depth)}`;
/** Each alias stands for two of the one before: written out, it would be 2^30 texts. */
const BOMB = Array.from(
  { length: 30 },
  (_, index) => `x${index + 1}: &x${index + 1} [*x${index}, *x${index}]`,
);

test.each([
  ['tabs', 'agents:\n\t- a', [/^2: a tab: indent with spaces/]],
  ['several documents', 'agents: []\n---\nagents: []', [/^2: a second document/]],
  ['a key that is there twice', 'agents: []\nagents: []', [/^2: "agents" is there twice, in line 1 too/]],
  ['an alias', 'agents: []\nclients: *a', [/^2: .*/]],
  ['an anchor', 'agents: &a []', [/^1: an anchor, &a/]],
  ['a tag', 'agents: !!seq []', [/^1: a tag, tag:yaml.org,2002:seq/]],
  ['a key that is no word', '[a]: b\nagents: []', [/^1: a list where a word/]],
  ['an open bracket', 'agents: [', [/^1: not YAML(?!.*column)/]],
  ['a word too far to the right', 'agents:\n- name: a\n   ids: b\n', [/^2: not YAML.*in one column/]],
  ['a word too far to the left', 'agents:\n  - name: a\n ids: b\n', [/^3: not YAML.*in one column/]],
  ['a word between', 'agents:\n  - name: a\n   ids: b\n', [/^3: not YAML.*in one column/]],
  ['a colon without a space', 'agents:\n  - name:a\n    ids: b\n', [/^2: not YAML.*": " behind/]],
  [
    'a claim without quotes in a list',
    'agents:\n  - ids: [gh.{repository}.*]',
    [/^2: not YAML.*may need quotes/],
  ],
  ['lists in lists', nested(MAX_YAML_DEPTH + 1), [/^1: lists and maps are deeper/, /must be a map/]],
])('refused: %s', (_, text, faults) => {
  const found = faultsOf(text);
  expect(found).toHaveLength(faults.length);
  for (const [index, fault] of faults.entries()) expect(found[index]).toMatch(fault);
});

test.each([
  ['aliases that grow', ['x0: &x0 [a, a]', ...BOMB].join('\n')],
  ['lists that never end', '['.repeat(100_000)],
  ['dashes', '- '.repeat(100_000)],
  ['maps in maps', '{a: '.repeat(50_000)],
  ['50,000 words', Array.from({ length: 50_000 }, (_, index) => `k${index}: v`).join('\n')],
])('hostile, and refused at once: %s', (_, text) => {
  expect(faultsOf(text).length).toBeGreaterThan(0);
});
