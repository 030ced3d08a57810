// When the clients take the flags for work: once they have loaded what they need, and not where they only say something.
import { expect, test } from 'vitest';
import { WORK_FLAGS } from '#shared/machine/runtime-flags.ts';
import { outputOf, startClientProgram } from '../../support/process/client-program.ts';
import { say, startStandInRelay } from '../../support/relay/stand-in-relay.ts';
import { until } from '../../support/time/poll.ts';

/** Has a program say which flag it sets, and whether it has loaded TLS by then. */
const WATCH = `--import data:text/javascript,${encodeURIComponent(`
  import v8 from 'node:v8';
  import { syncBuiltinESMExports } from 'node:module';
  const { setFlagsFromString } = v8;
  v8.setFlagsFromString = (flag) => {
    const isLoaded = process.moduleLoadList.includes('NativeModule tls');
    process.stderr.write('takes ' + flag + (isLoaded ? ' at work' : ' too early') + '\\n');
    setFlagsFromString(flag);
  };
  syncBuiltinESMExports();
`)}`;
const TAKEN = WORK_FLAGS.map((flag) => `takes ${flag} at work\n`).join('');

test('wsproxy takes them when it is connected', async () => {
  const relay = await startStandInRelay({ serve: say(Buffer.from('greetings')) });
  const wsproxy = startClientProgram('wsproxy', [relay.url('127.0.0.1')], { NODE_OPTIONS: WATCH });
  const { code, output, errors } = await outputOf(wsproxy);
  await relay.close();
  expect({ code, output: output.toString(), errors }).toEqual({
    code: 0,
    output: 'greetings',
    errors: TAKEN,
  });
});

test('wsproxy that says its version takes none', async () => {
  const { code, errors } = await outputOf(
    startClientProgram('wsproxy', ['--version'], { NODE_OPTIONS: WATCH }),
  );
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
});

test('tcptows takes them when it listens', async () => {
  const url = 'ws://127.0.0.1:1/client/job';
  const tcptows = startClientProgram('tcptows', ['0', url], { NODE_OPTIONS: WATCH });
  await until('it takes them', () => tcptows.errors().length >= TAKEN.length);
  tcptows.child.kill('SIGKILL');
  await tcptows.exit;
  expect(tcptows.errors()).toBe(TAKEN);
});
