// wsproxy as the starter of stock programs: it becomes them, or waits for them where it cannot.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { outputOf, startClientProgram } from '../../support/process/client-program.ts';

const URL_TEXT = 'ws://127.0.0.1:1/client/job-1';
/** As on Windows and in older versions of Node. */
const WITHOUT_EXECVE = { NODE_OPTIONS: '--import=data:text/javascript,process.execve=undefined' };

/** Besides, a signal comes at the very moment at which the child is there. */
const SIGNALLED_AT_START = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
    import childProcess from 'node:child_process';
    import { syncBuiltinESMExports } from 'node:module';
    process.execve = undefined;
    const { spawn } = childProcess;
    childProcess.spawn = (...words) => {
      const child = spawn(...words);
      process.kill(process.pid, 'SIGTERM');
      return child;
    };
    syncBuiltinESMExports();
  `)}`,
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-tools-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Puts a program of that name where PATH finds it, and nothing else. */
async function put(name: string, script: string): Promise<Record<string, string>> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: folder };
}

describe.each([
  ['becoming the tool', {}],
  ['with the tool as a child', WITHOUT_EXECVE],
])('%s', (_title, extra) => {
  test('it hands on the words, the input and the output, and ends with the tool’s code', async () => {
    const env = await put(
      'ssh',
      `read line; echo "$line"; echo "err" >&2; for word; do echo "<$word>"; done; exit 42`,
    );
    const program = startClientProgram('wsproxy', ['ssh', URL_TEXT, '-v', 'two words', ''], {
      ...env,
      ...extra,
    });
    program.child.stdin.end('in\n');
    const { output, errors, code } = await outputOf(program);
    expect(code).toBe(42);
    expect(errors).toBe('err\n');
    expect(output.toString()).toMatch(
      /^in\n<-v>\n<-o>\n<ProxyCommand=.*wsproxy.*>\n(<.*>\n)*<abc@job-1>\n<two words>\n<>\n$/,
    );
  });

  test('a signal to it reaches the tool, whose answer counts', async () => {
    const env = await put('sftp', `trap 'exit 9' TERM; echo up; while :; do /bin/sleep 0.1; done`);
    const program = startClientProgram('wsproxy', ['sftp', URL_TEXT], { ...env, ...extra });
    await once(program.child.stdout, 'data');
    program.child.kill('SIGTERM');
    expect(await program.exit).toBe(9);
  });

  test('a tool that is not there is named, with the way out', async () => {
    const program = startClientProgram('wsproxy', ['rsync', URL_TEXT, '-a', ':x', '.'], {
      PATH: folder,
      ...extra,
    });
    const { errors, code } = await outputOf(program);
    expect({ errors, code }).toEqual({
      errors: 'wsproxy: there is no rsync on this machine: install rsync, or copy with wsproxy scp\n',
      code: 127,
    });
  });
});

test('a signal that comes while the tool starts does not leave it behind', async () => {
  const env = await put('sftp', `trap 'exit 9' TERM; while :; do /bin/sleep 0.1; done`);
  const program = startClientProgram('wsproxy', ['sftp', URL_TEXT], { ...env, ...SIGNALLED_AT_START });
  // By its trap, or before it could set one.
  expect([9, 128 + 15]).toContain(await program.exit);
});

test('the ProxyCommand is this very wsproxy with its own options, so that ssh says what it says', async () => {
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../../../services/clients/wsproxy/main.ts'),
      'ssh',
      '--wait',
      '0',
      URL_TEXT,
      '-F',
      'none',
      'true',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  expect((await once(child, 'close'))[0]).toBe(255);
  expect(errors).toMatch(/^wsproxy: .*127\.0\.0\.1:1/);
});
