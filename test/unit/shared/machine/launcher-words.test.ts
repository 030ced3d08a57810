// The launcher's words: the program takes them, and the job's programs never see them.
import { expect, test } from 'vitest';
import { takeLauncherWords } from '#shared/machine/launcher-words.ts';

test('what the launcher left is taken, and what it kept from the loader has its name again', () => {
  const env: Record<string, string | undefined> = {
    PATH: '/bin',
    CONVERGE_EXECUTABLE: '/job/agent',
    CONVERGE_ADDONS: 'process.node=/cache/a=b/process.node:sshcrypto.node=/proc/self/fd/12',
    CONVERGE_KEPT_LD_PRELOAD: '/usr/lib/asan.so',
    CONVERGE_KEPT_GLIBC_TUNABLES: '',
    CONVERGE_PASSWORD: 'stays',
  };
  expect(takeLauncherWords(env)).toEqual({
    executable: '/job/agent',
    addons: new Map([
      ['process.node', '/cache/a=b/process.node'],
      ['sshcrypto.node', '/proc/self/fd/12'],
    ]),
  });
  expect(env).toEqual({
    PATH: '/bin',
    LD_PRELOAD: '/usr/lib/asan.so',
    GLIBC_TUNABLES: '',
    CONVERGE_PASSWORD: 'stays',
  });
});

test('without a launcher nothing is taken', () => {
  const env = { PATH: '/bin', LD_PRELOAD: '/usr/lib/asan.so' };
  expect(takeLauncherWords(env)).toEqual({ executable: undefined, addons: new Map() });
  expect(env).toEqual({ PATH: '/bin', LD_PRELOAD: '/usr/lib/asan.so' });
});
