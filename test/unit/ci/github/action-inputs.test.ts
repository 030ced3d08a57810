// The inputs of the action, held against what the agent takes: what it would refuse when the job has failed is a fault at the first step.
import { assert, property, stringMatching } from 'fast-check';
import { expect, test } from 'vitest';
import { readInputs } from '../../../../deploy/ci/github/action-inputs.ts';
import { parseDuration } from '../../../../services/shared/time/duration.ts';

const LONGEST = '7d';

function faultsOf(inputs: Readonly<Record<string, string>>): readonly string[] {
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  const read = readInputs({ INPUT_RELAY: 'https://relay.example', ...Object.fromEntries(given) });
  return read.kind === 'faults' ? read.faults : [];
}

test.each([
  ['timeout', 1_000],
  ['linger', 0],
])('%s is what the agent takes', (name, minimumMs) => {
  assert(
    property(stringMatching(/^[ 0-7]?(?:\d{0,7}[dhmsDx]?){1,3}$/), (text) => {
      // What is not given has a default.
      if (text.trim() === '') return;
      const faults = faultsOf({ [name]: text, 'max-lifetime': LONGEST });
      expect(faults.length === 0).toBe(parseDuration(text, minimumMs).kind === 'duration');
    }),
    { numRuns: 1_000 },
  );
});

test('what lasts longer than the agent may live is a fault, of the default of the mode too', () => {
  expect(faultsOf({ timeout: '2h1s' })).toEqual([expect.stringContaining('longer than max-lifetime')]);
  expect(faultsOf({ timeout: '2h' })).toEqual([]);
  expect(faultsOf({ timeout: '3h', mode: 'background' })).toEqual([]);
  expect(faultsOf({ timeout: '5m', 'max-lifetime': '4m' })).toHaveLength(1);
  // One sentence is enough.
  expect(faultsOf({ timeout: '5m', 'max-lifetime': 'long' })).toHaveLength(1);
});
