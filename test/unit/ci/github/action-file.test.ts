// action.yml and the workflows of the README, judged by GitHub's own parser of both, and held against the code.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readInputs } from '../../../../deploy/ci/github/action-inputs.ts';
import { DOOR_VALUES } from '../../../../deploy/ci/github/open-door.ts';
import { ACTION } from '../../../support/github/action-world.ts';
import { openWorkflowJudge } from '../../../support/github/workflow-judge.ts';

const FOLDER = join(ACTION, '..');
const text = readFileSync(ACTION, 'utf8');
const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');

interface Manifest {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly runs: Readonly<Record<'using' | 'main' | 'post' | 'post-if', string>>;
}

const manifest = parse(text) as Manifest;

const judge = openWorkflowJudge();

describe('action.yml', () => {
  test('is an action to GitHub', () => {
    expect(judge.actionFaults(text)).toEqual([]);
  });

  test.each([
    ['an unknown runtime', 'using: node24', 'using: node25'],
    ['a misspelt key', 'post-if:', 'postif:'],
    ['a context that is not there', '${{ job.status }}', '${{ jobs.status }}'],
    ['no description', /^description: .*\n/m, ''],
  ])('%s would be refused', (_, from, to) => {
    const planted = text.replace(from, to);
    expect(planted).not.toBe(text);
    expect(judge.actionFaults(planted)).not.toEqual([]);
  });

  test('names files that are there, and is told of a cancellation', () => {
    const { main, post } = manifest.runs;
    for (const file of [main, post]) expect(existsSync(join(FOLDER, file))).toBe(true);
    // With a condition that holds for a cancelled job the step would go on for five minutes.
    expect(manifest.runs['post-if']).not.toMatch(/always|cancelled/);
  });

  test('its inputs are those that are read, with their defaults', () => {
    const asked = new Set<string>();
    const defaults = Object.entries(manifest.inputs).map(([name, { default: value = '' }]) => [
      `INPUT_${name.toUpperCase()}`,
      value.startsWith('$') ? 'evaluated' : value,
    ]);
    const env = new Proxy(
      { ...Object.fromEntries(defaults), INPUT_RELAY: 'https://relay.example' },
      {
        get: (target, name: string) => {
          asked.add(name.replace('INPUT_', '').toLowerCase());
          return (target as Record<string, string>)[name];
        },
      },
    );
    const withDefaults = readInputs(env);
    expect([...asked].sort()).toEqual(Object.keys(manifest.inputs).sort());
    expect(withDefaults.kind).toBe('inputs');
    // An action that is started by hand, without the defaults, does the same.
    const bare = readInputs({
      INPUT_RELAY: 'https://relay.example',
      INPUT_ACCESS: 'actor',
      INPUT_TOKEN: 'evaluated',
      'INPUT_JOB-STATUS': 'evaluated',
    });
    expect(bare).toEqual(withDefaults);
  });

  test('its outputs are those that the agent names', () => {
    expect(Object.keys(manifest.outputs)).toEqual([...DOOR_VALUES]);
  });
});

describe('the README', () => {
  const blocks = [...readme.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

  /** As a whole workflow, whatever part of one it is. */
  function workflowFrom(block: string): string {
    const indent = (columns: number): string => block.replace(/^(?=.)/gm, ' '.repeat(columns));
    if (/^on:/m.test(block)) return block;
    const steps = block.startsWith('- ')
      ? `    steps:\n${indent(6)}`
      : `${indent(4)}    steps: [{ run: make }]\n`;
    return `on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n${steps}`;
  }

  test.each(blocks)('has a workflow that GitHub takes: %s', (block) => {
    expect(judge.workflowFaults(workflowFrom(block))).toEqual([]);
    for (const [, inputs = ''] of block.matchAll(/^ *with:\n((?: {4,}.*\n)*)/gm))
      for (const [, name = ''] of inputs.matchAll(/^ +([a-z][\w-]*):/gm))
        expect(manifest.inputs).toHaveProperty([name]);
  });

  test('has them, and they are judged', () => {
    expect(blocks.length).toBeGreaterThan(2);
    expect(judge.workflowFaults(workflowFrom('- uses: a/b@v1\n  width:\n    relay: x\n'))).not.toEqual([]);
  });

  test('fits a screen', () => {
    expect(readme.split('\n').length).toBeLessThan(90);
  });
});
