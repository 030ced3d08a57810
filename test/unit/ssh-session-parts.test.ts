// The small parts of a session: environments, exit statuses, names of signals, addresses, limits.
import { expect, test } from 'vitest';
import { listenAddressOf } from '../../services/agent/ssh/forward-remote.ts';
import { exitFrom, signalFrom } from '../../services/agent/ssh/process-exit.ts';
import {
  buildEnvironment,
  CLIENT_VARIABLE_MAX_BYTES,
  isAcceptable,
} from '../../services/agent/ssh/session-environment.ts';

test('the environment of the job is kept, the client adds to it, and the session has the last word', () => {
  const env = buildEnvironment({
    base: { PATH: '/job/bin', TERM: 'dumb', LANG: 'C' },
    fromClient: new Map([
      ['LANG', 'de_DE.UTF-8'],
      ['SSH_AUTH_SOCK', '/elsewhere'],
    ]),
    shell: '/bin/bash',
    clientAddress: '192.0.2.7',
    terminal: 'xterm-256color',
    agentSocket: '/tmp/agent',
  });
  expect(env).toEqual({
    PATH: '/job/bin',
    LANG: 'de_DE.UTF-8',
    TERM: 'xterm-256color',
    SHELL: '/bin/bash',
    SSH_AUTH_SOCK: '/tmp/agent',
    SSH_CLIENT: '192.0.2.7 0 22',
    SSH_CONNECTION: '192.0.2.7 0 127.0.0.1 22',
  });
});

test.each([
  ['LC_ALL', 'C', true],
  ['', 'x', false],
  ['1A', 'x', false],
  ['A=B', 'x', false],
  ['BASH_FUNC_x%%', '() { :; }', false],
  ['A', 'nul\0', false],
  ['A', 'x'.repeat(CLIENT_VARIABLE_MAX_BYTES - 1), true],
  ['A', 'x'.repeat(CLIENT_VARIABLE_MAX_BYTES), false],
])('a variable %j is checked before it is set', (name, value, accepted) => {
  expect(isAcceptable(name, value)).toBe(accepted);
});

test('exits are told as RFC 4254 can name them, and as a shell would otherwise', () => {
  expect(exitFrom(7, null)).toEqual({ kind: 'code', code: 7 });
  expect(exitFrom(null, 'SIGTERM')).toMatchObject({ kind: 'signal', name: 'TERM' });
  expect(exitFrom(null, 'SIGBUS')).toEqual({ kind: 'code', code: 128 + 7 });
});

test('signals are those of this system and nothing else', () => {
  expect(signalFrom('INT')).toBe('SIGINT');
  expect(signalFrom('toString')).toBeUndefined();
  expect(signalFrom('')).toBeUndefined();
});

test('a listener is for this machine alone unless the client names an address', () => {
  expect(['localhost', '', '*', '0.0.0.0'].map(listenAddressOf)).toEqual([
    '127.0.0.1',
    undefined,
    undefined,
    '0.0.0.0',
  ]);
});
