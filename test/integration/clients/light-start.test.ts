// What wsproxy loads before it knows that it will dial: TLS, HTTP and cryptography take as long to load as Node itself.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MAIN = path.join(import.meta.dirname, '../../../services/clients/wsproxy/main.ts');
const URL_OF_A_JOB = `ws://127.0.0.1:1/client/job#SHA256:${'A'.repeat(43)}`;
/** Loads nothing itself; prints what was loaded after it. */
const WATCH = `data:text/javascript,${encodeURIComponent(`
  const before = new Set(process.moduleLoadList);
  process.on('exit', () => {
    for (const name of process.moduleLoadList) if (!before.has(name)) process.stderr.write('loaded ' + name + '\\n');
  });
`)}`;
const HEAVY = ['tls', 'https', 'http', 'crypto', 'child_process'];

/** The heavy modules of Node that a call of wsproxy has loaded. */
async function heavyModules(args: readonly string[]): Promise<readonly string[]> {
  const ended = promisify(execFile)(process.execPath, ['--import', WATCH, MAIN, ...args], { env: {} });
  // It may end with a code: where nobody listens it does.
  const { stderr } = await ended.catch((error: unknown) => error as { stderr: string });
  expect(stderr).toContain('loaded NativeModule');
  return HEAVY.filter((name) => stderr.includes(`loaded NativeModule ${name}\n`));
}

test.each([
  ['--version'],
  ['--help'],
  ['no-such-word'],
  ['ssh', '--print', URL_OF_A_JOB],
  ['rsync', '--print', URL_OF_A_JOB, '-a', ':a', '.'],
  ['config', 'wss://relay.example'],
])('%s loads none of it', async (...args) => {
  expect(await heavyModules(args)).toEqual([]);
});

test('a dial does, or nobody would see it here', async () => {
  expect(await heavyModules(['--wait', '0', URL_OF_A_JOB])).toContain('tls');
});
