// The agent in images that have nothing: no glibc, no folder to write to, no home, no user of its own.
import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { type BareRootOptions, openBareRoot } from '../support/machine/bare-root.ts';
import { ensureCommands } from '../support/machine/test-commands.ts';
import { type RelayProcess, startRelayProcess } from '../support/process/relay-process.ts';
import { makeKeyFile } from '../support/ssh/key-file.ts';

const run = promisify(execFile);
const AGENT = `agent-${PLATFORM}`;

let laptop: string;
let relay: RelayProcess;
beforeAll(async () => {
  await ensureCommands(['ssh', 'ssh-keygen', 'sftp']);
  laptop = await mkdtemp(join(tmpdir(), 'converge-laptop-'));
  await symlink(join(DIST, 'bin', `wsproxy-${PLATFORM}`), join(laptop, 'wsproxy'));
  await makeKeyFile(join(laptop, 'key'));
  await writeFile(join(laptop, '.hold'), '');
  relay = await startRelayProcess();
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
  await rm(laptop, { recursive: true, force: true });
});

/** Until the card's line for a shell is there: that line, and all before it. */
async function readCard(child: ChildProcessWithoutNullStreams): Promise<{ line: string; said: string }> {
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  for await (const line of createInterface(child.stdout)) {
    said += `${line}\n`;
    const command = /^\s*(\.\/wsproxy ssh .*)$/.exec(line)?.[1];
    if (command === undefined) continue;
    child.stdout.resume();
    return { line: command, said };
  }
  throw new Error(`the agent ended without a card: ${said}`);
}

interface Job extends AsyncDisposable {
  readonly agent: ChildProcessWithoutNullStreams;
  /** What it said before the card's line for a shell. */
  readonly said: string;
  /** Runs a command in a session and gives its stdout. */
  ssh(remote: string, more?: string): Promise<string>;
  /** Runs a line of sftp. */
  sftp(batch: string): Promise<void>;
}

/** An agent in a root of its own, with the person of the card at a laptop. */
async function startJob(id: string, options: BareRootOptions): Promise<Job> {
  const programs = [join(DIST, 'bin', AGENT), join(laptop, 'key.pub'), join(laptop, '.hold')];
  const root = await openBareRoot(programs, options);
  const url = `${relay.url.replace('http', 'ws').replace('localhost', '127.0.0.1')}/agent/${id}`;
  const agent = root.start([`./${AGENT}`, url, '--authorized-keys', 'key.pub', '--user', 'abc']);
  const { line, said } = await readCard(agent);
  const identity = '-F none -i key -o IdentitiesOnly=yes -o BatchMode=yes';
  const onLaptop = async (command: string): Promise<string> =>
    (await run('sh', ['-c', command], { cwd: laptop })).stdout;
  return {
    agent,
    said,
    ssh: async (remote, more = '') => await onLaptop(`${line} ${identity} ${more} '${remote}'`),
    sftp: async (batch) => {
      await onLaptop(`echo ${batch} | ${line.replace(' ssh ', ' sftp ')} ${identity} -b -`);
    },
    [Symbol.asyncDispose]: async () => await root[Symbol.asyncDispose](),
  };
}

/** A command, a terminal and files. */
async function tryWhatNeedsNoFolder(job: Job): Promise<void> {
  expect(await job.ssh('test -e /lib64/ld-linux-x86-64.so.2 || echo no glibc; pwd')).toBe('no glibc\n/job\n');
  expect(await job.ssh('tty; echo $LD_LIBRARY_PATH$CONVERGE_EXECUTABLE.', '-tt')).toMatch(
    /^\/dev\/pts\/\d+\r\n\.\r\n$/,
  );
  await job.sftp(`get ${AGENT}`);
  const [got, wanted] = await Promise.all(
    [join(laptop, AGENT), join(DIST, 'bin', AGENT)].map((file) => readFile(file)),
  );
  expect(got?.equals(wanted ?? Buffer.of())).toBe(true);
  await rm(join(laptop, AGENT));
}

const HOME = { HOME: '/root' };
const IMAGES: Readonly<Record<string, BareRootOptions>> = {
  'busybox and nothing else': { env: HOME },
  'a home that is not there': { env: { HOME: '/nowhere' } },
  'no home and no TMPDIR': {},
  'a user of no account': { user: '12345:12345' },
  'nobody, with /tmp noexec': { user: '65534:65534', temporary: 'noexec' },
  'everything read-only': { isReadOnly: true, env: HOME },
  'read-only, and a /tmp of 1 MB': { isReadOnly: true, temporary: 'size=1m', env: HOME },
};

test.each(Object.entries(IMAGES))(
  '%s: a command, a terminal, files, `converge status`, exit 0',
  async (name, options) => {
    await using job = await startJob(`any-${Object.keys(IMAGES).indexOf(name)}`, options);
    expect(job.said).not.toContain('no `converge` command');
    await tryWhatNeedsNoFolder(job);
    expect(await job.ssh('converge status')).toMatch(/clients {2}1 logged in/);
    const ended = once(job.agent, 'close');
    await job.ssh('converge end').catch(() => undefined);
    expect(await ended).toEqual([0, null]);
  },
);

test('no folder at all that can be written to: it says that there is no `converge`, and all else works', async () => {
  await using job = await startJob('any-unwritable', {
    isReadOnly: true,
    hasNoSharedMemory: true,
    env: HOME,
  });
  expect(job.said).toMatch(
    /no `converge` command in the sessions: no folder takes it \(\/tmp: EROFS[^\n]*\); set TMPDIR to a folder/,
  );
  await tryWhatNeedsNoFolder(job);
  const ended = once(job.agent, 'close');
  // In that namespace it is the first process.
  await job.ssh('kill -TERM 1').catch(() => undefined);
  expect(await ended).toEqual([0, null]);
});
