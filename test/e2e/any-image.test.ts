// The agent in images that have nothing: no glibc, no folder to write to, no home, no user of its own.
import { type ChildProcessWithoutNullStreams, execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
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

/** The card's line for a shell, as soon as it is there. */
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
    const programs = [join(DIST, 'bin', AGENT), join(laptop, 'key.pub'), join(laptop, '.hold')];
    await using root = await openBareRoot(programs, options);
    const id = `any-${Object.keys(IMAGES).indexOf(name)}`;
    const url = `${relay.url.replace('http', 'ws').replace('localhost', '127.0.0.1')}/agent/${id}`;
    const agent = root.start([`./${AGENT}`, url, '--authorized-keys', 'key.pub', '--user', 'abc']);
    const line = await readSshLine(agent);
    const identity = '-F none -i key -o IdentitiesOnly=yes -o BatchMode=yes';
    const ssh = async (remote: string, more = ''): Promise<string> => {
      const command = `${line} ${identity} ${more} '${remote}'`;
      return (await run('sh', ['-c', command], { cwd: laptop })).stdout;
    };
    expect(await ssh('test -e /lib64/ld-linux-x86-64.so.2 || echo no glibc; pwd')).toBe('no glibc\n/job\n');
    expect(await ssh('tty; echo $LD_LIBRARY_PATH$CONVERGE_EXECUTABLE.', '-tt')).toMatch(
      /^\/dev\/pts\/\d+\r\n\.\r\n$/,
    );
    const sftp = `echo get ${AGENT} | ${line.replace(' ssh ', ' sftp ')} ${identity} -b -`;
    await run('sh', ['-c', `${sftp} && cmp ${AGENT} ${join(DIST, 'bin', AGENT)} && rm -f ${AGENT}`], {
      cwd: laptop,
    });
    expect(await ssh('converge status')).toMatch(/clients {2}1 logged in/);
    const ended = once(agent, 'close');
    await ssh('converge end').catch(() => undefined);
    expect(await ended).toEqual([0, null]);
  },
);
