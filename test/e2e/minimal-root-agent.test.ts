// The agent in a minimal Debian 12 without Node: a relay and an ssh outside, and the job in there.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { holdFolder } from '../support/machine/held-folder.ts';
import { type MinimalRoot, openMinimalRoot } from '../support/machine/minimal-root.ts';
import { ensureCommands } from '../support/machine/test-commands.ts';
import { type RelayProcess, startRelayProcess } from '../support/process/relay-process.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';
import { until } from '../support/time/poll.ts';

const run = promisify(execFile);

let laptop: string;
let root: MinimalRoot;
let relay: RelayProcess;
let agent: ChildProcessWithoutNullStreams;
let sshLine: string;

beforeAll(async () => {
  await ensureCommands(['ssh', 'ssh-keygen']);
  laptop = await mkdtemp(join(tmpdir(), 'converge-laptop-'));
  await symlink(join(DIST, 'bin', `wsproxy-${PLATFORM}`), join(laptop, 'wsproxy'));
  await makeKeyFile(join(laptop, 'key'));

  root = await openMinimalRoot();
  relay = await startRelayProcess();
  const program = await root.put(join(DIST, 'bin', `agent-${PLATFORM}`));
  const keys = await root.put(join(laptop, 'key.pub'));
  // Not before the root is there: the first run of a machine makes it, for minutes.
  await holdFolder(laptop);
  await root.put(join(laptop, '.hold'));
  const url = `${relay.url.replace('http', 'ws').replace('localhost', '127.0.0.1')}/agent/minimal`;
  agent = root.start([program, url, '--authorized-keys', keys]);
  sshLine = await readSshLine(agent);
});

afterAll(async () => {
  agent?.kill('SIGKILL');
  await relay?.[Symbol.asyncDispose]();
  await root?.[Symbol.asyncDispose]();
  await rm(laptop, { recursive: true, force: true });
});

describe('the agent in the minimal root', () => {
  test('runs a command of the ssh outside', async () => {
    const inside = await ssh('cat /etc/debian_version; pwd');
    const version = await readFile(root.outside('/etc/debian_version'), 'utf8');
    expect(inside).toBe(`${version}${root.folder}\n`);
  });

  test('gives a terminal when asked for one', async () => {
    expect(await ssh('tty', ['-tt'])).toMatch(/^\/dev\/pts\/\d+\r\n$/);
  });

  test('has both native addons loaded, which came along inside of it', async () => {
    const maps = await ssh('cat /proc/1/maps', ['-tt']);
    expect(maps).toContain('/process.node');
    expect(maps).toContain('/sshcrypto.node');
  });

  test('buries orphans, because it is the first process in there', async () => {
    const pid = await ssh('sleep 0.2 </dev/null >/dev/null 2>&1 & echo $!');
    await until(
      'the orphan is gone',
      async () => (await ssh(`test -e /proc/${pid.trim()} || echo gone`)) !== '',
    );
  });

  test('ends with 0 when the last client has let go of the job', async () => {
    const ended = once(agent, 'close');
    await ssh('rm .hold');
    expect(await ended).toEqual([0, null]);
  });
});

/** The command that the agent prints for people, as soon as it does. */
async function readSshLine(child: ChildProcessWithoutNullStreams): Promise<string> {
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  for await (const line of createInterface(child.stdout)) {
    said += `${line}\n`;
    const command = /^\s*(\.\/wsproxy ssh .*)$/.exec(line)?.[1];
    if (command === undefined) continue;
    child.stdout.resume();
    return command;
  }
  throw new Error(`the agent ended without a card: ${said}`);
}

/** Runs the printed command with the test's key, and `remote` at its end, in the folder that holds wsproxy. */
async function ssh(remote: string, options: readonly string[] = []): Promise<string> {
  const identity = `-F none -i key -o IdentitiesOnly=yes -o BatchMode=yes ${options.join(' ')}`;
  const { stdout } = await run('sh', ['-c', `${sshLine} ${identity} '${remote}'`], {
    cwd: laptop,
    maxBuffer: 2 ** 24,
  });
  return stdout;
}
