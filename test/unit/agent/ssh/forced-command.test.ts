// What runs for the holder of a certificate with a forced command, and which variables they may set.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  type AskedRun,
  forcedRun,
  isHarmlessVariable,
} from '../../../../services/agent/ssh/program/forced-command.ts';

const ASKED: readonly AskedRun[] = [
  { kind: 'shell' },
  { kind: 'command', command: Buffer.from('id') },
  { kind: 'sftp' },
];

test('the command runs whatever was asked for, and that is told', () => {
  expect(ASKED.map((asked) => forcedRun('date', asked, '/bin/sh'))).toEqual(
    [undefined, 'id', 'internal-sftp'].map((original) => ({
      kind: 'command',
      command: Buffer.from('date'),
      originalCommand: original === undefined ? undefined : Buffer.from(original),
    })),
  );
});

test('internal-sftp is sftp alone; what only begins like it is a command; its options are not ignored', () => {
  expect(ASKED.map((asked) => forcedRun('internal-sftp', asked, '/bin/sh').kind)).toEqual([
    'command',
    'command',
    'sftp',
  ]);
  for (const options of ['internal-sftp -R', 'internal-sftp\t-d /']) {
    expect(ASKED.map((asked) => forcedRun(options, asked, '/bin/sh').kind)).toEqual(
      Array(3).fill('impossible'),
    );
  }
  for (const command of ['internal-sftp-2', '', ' internal-sftp']) {
    expect(forcedRun(command, { kind: 'sftp' }, '/bin/sh')).toMatchObject({
      kind: 'command',
      command: Buffer.from(command),
    });
  }
});

test('who is for sftp alone is told so in words that cmd takes as well, and ends with 1', () => {
  const run = forcedRun('internal-sftp', { kind: 'shell' }, '/bin/sh');
  const words = run.kind === 'command' ? run.command.toString() : '';
  expect(spawnSync('/bin/sh', ['-c', words], { encoding: 'utf8' })).toMatchObject({
    stdout: 'This service allows sftp connections only.\n',
    status: 1,
  });
  expect(words).not.toMatch(/[";']/);
});

test.each([
  'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe',
  'C:/Program Files/PowerShell/7/pwsh.exe',
  '/usr/bin/pwsh',
])('%s is told so in its own words: version 5 knows no &&', (shell) => {
  expect(forcedRun('internal-sftp', { kind: 'shell' }, shell)).toMatchObject({
    command: Buffer.from("echo 'This service allows sftp connections only.'; exit 1"),
  });
});

test('only the language is taken from a client', () => {
  const names = [
    'LANG',
    'LC_ALL',
    'LC_',
    'LC_ALL_X',
    'LANGUAGE',
    'XLC_ALL',
    'BASH_ENV',
    'LD_PRELOAD',
    'PATH',
    'TERM',
  ];
  expect(names.filter(isHarmlessVariable)).toEqual(['LANG', 'LC_ALL']);
});
