// The small parts of a session: environments, exit statuses, names of signals, addresses, limits.
import { expect, test } from 'vitest';
import { processEndFrom } from '../../../../services/agent/process/wait-status.ts';
import { exitFrom, signalFrom } from '../../../../services/agent/ssh/channel/process-exit.ts';
import { listenAddressOf } from '../../../../services/agent/ssh/forward/forward-remote.ts';
import {
  buildEnvironment,
  isAcceptable,
  MAX_CLIENT_VARIABLE_BYTES,
} from '../../../../services/agent/ssh/program/program-environment.ts';

test('the environment of the job is kept, the client adds to it, and the session has the last word', () => {
  const env = buildEnvironment({
    base: { PATH: '/job/bin', TERM: 'dumb', LANG: 'C', USER: 'somebody' },
    fromClient: new Map([
      ['LANG', Buffer.from('de_DE.UTF-8')],
      ['SSH_AUTH_SOCK', Buffer.from('/elsewhere')],
    ]),
    account: { name: 'ci', home: '/home/ci' },
    shell: '/bin/bash',
    clientAddress: '192.0.2.7',
    terminal: Buffer.from('xterm-256color'),
    agentSocket: '/tmp/agent',
  });
  expect(Object.fromEntries(env)).toEqual({
    PATH: '/job/bin',
    LANG: Buffer.from('de_DE.UTF-8'),
    HOME: '/home/ci',
    USER: 'ci',
    LOGNAME: 'ci',
    TERM: Buffer.from('xterm-256color'),
    SHELL: '/bin/bash',
    SSH_AUTH_SOCK: '/tmp/agent',
    SSH_CLIENT: '192.0.2.7 0 22',
    SSH_CONNECTION: '192.0.2.7 0 127.0.0.1 22',
  });
});

test('a zero in what a client says of its terminal, or asks for, begins no variable of its own', () => {
  const env = buildEnvironment({
    base: {},
    fromClient: new Map(),
    account: { name: 'ci', home: '/' },
    shell: '/bin/sh',
    clientAddress: '',
    terminal: Buffer.from('xterm\0BASH_ENV=evil'),
    agentSocket: undefined,
    originalCommand: Buffer.from('ls\0NODE_OPTIONS=evil\0'),
  });
  expect(env.get('TERM')?.toString()).toBe('xterm');
  expect(env.get('SSH_ORIGINAL_COMMAND')?.toString()).toBe('ls');
  expect([...env.values()].filter((value) => value.toString().includes('\0'))).toEqual([]);
});

test.each([
  ['LC_ALL', 'C', true],
  ['', 'x', false],
  ['1A', 'x', false],
  ['A=B', 'x', false],
  ['BASH_FUNC_x%%', '() { :; }', false],
  ['A', 'nul\0', false],
  ['A', 'x'.repeat(MAX_CLIENT_VARIABLE_BYTES - 1), true],
  ['A', 'x'.repeat(MAX_CLIENT_VARIABLE_BYTES), false],
])('a variable %j is checked before it is set', (name, value, accepted) => {
  expect(isAcceptable(name, Buffer.from(value))).toBe(accepted);
});

test('exits are told as RFC 4254 can name them, and as sshd does otherwise', () => {
  expect(exitFrom(processEndFrom(7 << 8))).toEqual({ kind: 'code', code: 7 });
  expect(exitFrom(processEndFrom(15))).toEqual({ kind: 'signal', name: 'TERM', coreDumped: false });
  expect(exitFrom(processEndFrom(0x80 | 11))).toEqual({ kind: 'signal', name: 'SEGV', coreDumped: true });
  expect(exitFrom(processEndFrom(7))).toMatchObject({ kind: 'signal', name: 'SIG@openssh.com' });
  expect(exitFrom(processEndFrom(34))).toMatchObject({ kind: 'signal', name: 'SIG@openssh.com' });
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
