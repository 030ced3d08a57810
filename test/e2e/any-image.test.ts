// The agent in images that have nothing: no glibc, no folder to write to, no home, no user of its own. `npm run test:roots` has more.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRootLaptop, type RootJob, type RootLaptop, startRootJob } from '../support/laptop/root-job.ts';
import type { BareRootOptions } from '../support/machine/bare-root.ts';
import { type RelayProcess, startRelayProcess } from '../support/process/relay-process.ts';

let laptop: RootLaptop;
let relay: RelayProcess;
beforeAll(async () => {
  laptop = await openRootLaptop();
  relay = await startRelayProcess();
});
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]();
  await laptop?.[Symbol.asyncDispose]();
});

async function startJob(id: string, options: BareRootOptions): Promise<RootJob> {
  const started = await startRootJob({ ...options, laptop, relay: relay.url, id });
  if (started.kind === 'ended') throw new Error(`the agent ended without a card: ${started.said}`);
  return started.job;
}

/** A command, a terminal and files. */
async function tryWhatNeedsNoFolder(job: RootJob, writable?: string): Promise<void> {
  expect(await job.ssh('test -e /lib64/ld-linux-x86-64.so.2 || echo no glibc; pwd')).toBe('no glibc\n/job\n');
  expect(await job.ssh('tty; echo $LD_LIBRARY_PATH$CONVERGE_EXECUTABLE.', '-tt')).toMatch(
    /^\/dev\/pts\/\d+\r\n\.\r\n$/,
  );
  expect(await job.copies(writable)).toBe(true);
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
    expect(job.said()).not.toContain('no `converge` command');
    await tryWhatNeedsNoFolder(job, '/dev/shm/copy');
    expect(await job.ssh('converge status')).toMatch(/clients {2}1 logged in/);
    expect(await job.endBy('converge end')).toBe(0);
  },
);

test('no folder at all that can be written to: it says that there is no `converge`, and all else works', async () => {
  await using job = await startJob('any-unwritable', {
    isReadOnly: true,
    hasNoSharedMemory: true,
    env: HOME,
  });
  expect(job.said()).toMatch(
    /no `converge` command in the sessions: no folder takes it \(\/tmp: EROFS[^\n]*\); set TMPDIR to a folder/,
  );
  await tryWhatNeedsNoFolder(job);
  // In that namespace it is the first process.
  expect(await job.endBy('kill -TERM 1')).toBe(0);
});
