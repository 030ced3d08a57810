// The job's environment: without the agent's secrets, and with every byte that the job has.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { jobEnvironment } from '../../../../services/agent/job/job-environment.ts';

test('secrets of the agent are left out', () => {
  const env = {
    PATH: '/bin',
    CONVERGE_PASSWORD: 'x',
    CONVERGE_AUTHORIZED_KEYS: 'y',
    CONVERGE_ALLOW: 'https://user:secret@keys.test/list',
    CONVERGE_TRUSTED_USER_CA: 'https://user:secret@keys.test/ca',
    CONVERGE_REVOKED_KEYS: 'https://user:secret@keys.test/krl',
    CONVERGE_GITHUB_TOKEN: 'ghp_secret',
    CONVERGE_TOKEN: 'z',
    CONVERGE_ID_TOKEN: 'a.b.c',
    Converge_Token: 'as Windows may have it',
    EMPTY: '',
    UNSET: undefined,
  };
  expect(jobEnvironment(env)).toEqual({ PATH: '/bin', EMPTY: '' });
});

test.each([
  ['in the middle', 'A=1\0NAME=caf\xe9\0Z=2\0', Buffer.from('caf\xe9', 'latin1')],
  ['in front, and in the end of another name', 'NAME=\xff\0XNAME=\xfe\0', Buffer.of(0xff)],
  ['without a zero at the end', 'XNAME=\xfe\0NAME=\xff', Buffer.of(0xff)],
  ['not at all', 'A=1\0', '\uFFFD'],
])('a value that is no text is taken from the block: %s', (_where, block, expected) => {
  const env = { NAME: '\uFFFD', TEXT: 'é' };
  expect(jobEnvironment(env, Buffer.from(block, 'latin1'))).toEqual({ NAME: expected, TEXT: 'é' });
});

test('the block of this system has what process.env has lost', async () => {
  const source = `
    import { readFileSync } from 'node:fs';
    import { jobEnvironment } from ${JSON.stringify(fileURLToPath(new URL('../../../../services/agent/job/job-environment.ts', import.meta.url)))};
    const { NAME } = jobEnvironment(process.env, readFileSync('/proc/self/environ'));
    console.log(Buffer.from(NAME).toString('hex'));`;
  const script = `NAME=$(printf 'caf\\351 \\303\\251') exec "$@"`;
  const program = [process.execPath, '--input-type=module', '-e', source];
  const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', ...program]);
  expect(stdout).toBe(`${Buffer.from('caf\xe9 \xc3\xa9', 'latin1').toString('hex')}\n`);
});
