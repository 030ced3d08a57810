// What the relay asks of the Node that runs it: a version, and flags of which the person's own win.
import { expect, test } from 'vitest';
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';
import { runtimeFor } from '../../../services/relay/runtime.ts';

const NODE_24 = { version: '24.21.0', execArgv: [], nodeOptions: undefined };

test('is an older Node: one sentence names it, the one that is needed and the way out', () => {
  for (const version of ['20.20.2', '22.15.0', '23.11.1', '8.17.0']) {
    const runtime = runtimeFor({ ...NODE_24, version });
    if (runtime.kind !== 'too_old') throw new Error(`${version} is ${runtime.kind}`);
    expect(runtime.message).toContain(`Node ${version}`);
    expect(runtime.message).toMatch(/needs Node 24 or newer.*npm start/);
    expect(runtime.message).not.toContain('\n');
  }
});

test('has all of its flags: nothing is to be done', () => {
  expect(runtimeFor({ ...NODE_24, execArgv: [...NODE_FLAGS] })).toEqual({ kind: 'ready' });
  expect(runtimeFor({ ...NODE_24, version: '26.1.0', execArgv: [...NODE_FLAGS] }).kind).toBe('ready');
});

test('has none of them: all are missing', () => {
  expect(runtimeFor(NODE_24)).toEqual({ kind: 'flags_missing', flags: NODE_FLAGS });
  const execArgv = ['--inspect=0', '--max-old-space-size=200', '--require', './x.js'];
  expect(runtimeFor({ ...NODE_24, execArgv })).toEqual({ kind: 'flags_missing', flags: NODE_FLAGS });
  expect(runtimeFor({ ...NODE_24, nodeOptions: '--trace-warnings' }).kind).toBe('flags_missing');
});

test.each([
  [['--max-semi-space-size=16'], undefined],
  [['--max_semi_space_size', '16'], undefined],
  [[], '--trace-warnings --max-semi-space-size=16'],
  [[], ' --max_semi_space_size=16'],
])("has the person's %j and NODE_OPTIONS %j: those stay", (execArgv, nodeOptions) => {
  const [, ...flags] = NODE_FLAGS;
  expect(runtimeFor({ ...NODE_24, execArgv, nodeOptions })).toEqual({ kind: 'flags_missing', flags });
});

test('was told not to have one: that stays too', () => {
  const execArgv = ['--no-single-threaded-gc', '--heap-growing-percent=100', '--nomax-semi-space-size'];
  const flags = NODE_FLAGS.filter((flag) => /sigusr1|maglev|ic-update/.test(flag));
  expect(flags).toHaveLength(3);
  expect(runtimeFor({ ...NODE_24, execArgv })).toEqual({ kind: 'flags_missing', flags });
});
