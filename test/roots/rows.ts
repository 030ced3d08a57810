// The rows of the table: roots, each as an image, an engine or a kernel makes one.
import { isHost, LINUX_PLATFORMS } from '../../deploy/build/linux-platform.ts';
import type { BareRootOptions } from '../support/machine/bare-root.ts';
import { ensureRoot, type RootSystem } from '../support/machine/minimal-root.ts';
import { ensureMusl } from '../support/machine/musl-package.ts';

export interface Row {
  readonly name: string;
  /** Makes what the root is made from. */
  readonly options: () => Promise<BareRootOptions>;
  /** What the agent says and ends with, where it cannot work there: one sentence. */
  readonly sentence?: RegExp;
  /** Nothing there can be written to, so that there is no `converge`. */
  readonly hasNoCommand?: boolean;
}

const HOME = { HOME: '/root' };
const NOBODY = '65534:65534';

function bare(name: string, options: BareRootOptions, more: Partial<Row> = {}): Row {
  return { name, options: () => Promise.resolve({ env: HOME, ...options }), ...more };
}

function system(name: string, suite: RootSystem['suite'], changes: readonly string[] = []): Row {
  const options = async () => ({ system: await ensureRoot({ suite, packages: [] }), changes, env: HOME });
  return { name, options };
}

/**
 * What gVisor answers ENOSYS or EPERM to, of what a program like ours could ask for (its table of amd64, release of 2026), and what
 * earlier releases of it did.
 */
const GVISOR =
  'copy_file_range fanotify_init io_pgetevents io_uring_enter io_uring_register io_uring_setup kcmp name_to_handle_at ' +
  'perf_event_open pkey_alloc pkey_free pkey_mprotect process_madvise sched_setparam setfsgid setfsuid userfaultfd vmsplice newer';
const GVISOR_BEFORE =
  'clone3 close_range epoll_pwait2 faccessat2 membarrier openat2 pidfd_getfd pidfd_open pidfd_send_signal renameat2 rseq statx';

const NO_PLACE =
  /^agent-[^\n]*: found no place to unpack itself to \(\d+ MB\): [^\n]*\. Set TMPDIR to a folder where programs may run\n$/;

export const ROWS: readonly Row[] = [
  bare('empty: busybox and nothing else', {}),
  system('Debian 11', 'bullseye'),
  system('Debian 12', 'bookworm'),
  system('Debian 13', 'trixie'),
  system('Debian 12 without libstdc++', 'bookworm', ['rm usr/lib/*/libstdc++.so.6*']),
  system('Ubuntu 24.04', 'noble'),
  {
    name: "Alpine's layout: musl and busybox",
    options: async () => ({ changes: [`cp -a ${await ensureMusl()}/. .`], env: HOME }),
  },
  bare('no HOME, no TMPDIR', { env: {} }),
  bare('a HOME that is not there', { env: { HOME: '/nowhere' } }),
  bare('nobody', { user: NOBODY }),
  bare('a user of no account', { user: '12345:12345' }),
  bare('nobody, /tmp noexec', { user: NOBODY, temporary: 'noexec' }),
  bare('read-only, /dev/shm as engines give it', { isReadOnly: true }),
  bare('read-only, /tmp of 1 MB', { isReadOnly: true, temporary: 'size=1m' }),
  bare('nothing to write to at all', { isReadOnly: true, hasNoSharedMemory: true }, { hasNoCommand: true }),
  bare('no /proc', { proc: 'none' }),
  bare('no /proc, read-only', { proc: 'none', isReadOnly: true }, { sentence: NO_PLACE }),
  bare('nobody, hidepid=2', { proc: 'hidepid=2', user: NOBODY }),
  bare('user namespace, as root in it', { userNamespace: 'root' }),
  bare('user namespace without users', { userNamespace: 'nobody' }),
  bare('no memfd_create', { refusedCalls: ['memfd_create'] }),
  bare(
    'no memfd_create, read-only',
    { refusedCalls: ['memfd_create'], isReadOnly: true },
    { sentence: NO_PLACE },
  ),
  bare('no execveat, read-only', { refusedCalls: ['execveat'], isReadOnly: true }),
  bare("without gVisor's missing calls", { refusedCalls: GVISOR.split(' ') }),
  bare("without gVisor's missing calls, read-only", { refusedCalls: GVISOR.split(' '), isReadOnly: true }),
  bare('without what gVisor once missed', { refusedCalls: `${GVISOR} ${GVISOR_BEFORE}`.split(' ') }),
  ...LINUX_PLATFORMS.filter((platform) => !isHost(platform)).map((platform) =>
    bare(`${platform.name} under qemu`, { platform }),
  ),
];
