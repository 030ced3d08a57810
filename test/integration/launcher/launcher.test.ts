// The launcher: unpacks once, to a place that is the user's alone, and starts the program from there; or says why it cannot.
import { chmod, chown, mkdir, readdir, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROBE_EXIT_CODE, runProbe } from '../../support/launcher/packed-probe.ts';
import { useProbe } from '../../support/launcher/probe-home.ts';

const isRoot = process.getuid?.() === 0;
const DIGEST = /^[0-9a-f]{64}$/;

const home = useProbe();

async function filesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []);
}

/** The folder that was unpacked to, by its parent. */
async function unpackedIn(parent: string): Promise<string> {
  const [name, ...more] = (await filesIn(parent)).filter((entry) => DIGEST.test(entry));
  if (name === undefined || more.length > 0)
    throw new Error(`${parent}: ${String(name)} and ${more.length} more`);
  return join(parent, name);
}

describe('a start', () => {
  test('runs the program with its arguments, and leaves the files for the next one', async () => {
    const first = await home.start('one', 'two words', '');
    expect(first).toMatchObject({ code: PROBE_EXIT_CODE, stderr: '' });
    const { facts } = first;
    expect([...facts].filter(([name]) => name.startsWith('argument'))).toEqual([
      ['argument 0', home.probe.file],
      ['argument 1', 'one'],
      ['argument 2', 'two words'],
      ['argument 3', ''],
    ]);
    const folder = await unpackedIn(home.cache);
    expect(facts.get('exe')).toMatch(new RegExp(`^${folder}/ld-linux`));
    expect((await stat(home.cache)).mode & 0o777).toBe(0o700);
    expect(facts.get('CONVERGE_ADDONS')).toBe(`some.node=${folder}/some.node`);
    const before = await stat(join(folder, 'probe'));
    expect(await home.start()).toMatchObject({ code: PROBE_EXIT_CODE });
    const after = await stat(join(folder, 'probe'));
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
    expect(await filesIn(home.cache)).toHaveLength(1);
  });

  test('says where it is, and keeps from the loader what is for the job', async () => {
    const env = {
      HOME: home.path,
      LD_PRELOAD: '/nowhere.so',
      LD_LIBRARY_PATH: '/nowhere',
      CONVERGE_EXECUTABLE: '/bin/old',
      CONVERGE_ADDONS: 'old',
    };
    const { facts, stderr } = await runProbe([home.probe.file], env);
    expect(stderr).toBe('');
    expect(facts.get('CONVERGE_EXECUTABLE')).toBe(home.probe.file);
    expect(facts.get('CONVERGE_KEPT_LD_PRELOAD')).toBe('/nowhere.so');
    expect([facts.has('LD_PRELOAD'), facts.has('LD_LIBRARY_PATH')]).toEqual([false, false]);
  });

  test('twenty at once all run, and leave one folder and nothing half done', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => home.start()));
    expect(new Set(runs.map(({ code, stderr }) => `${code} ${stderr}`))).toEqual(
      new Set([`${PROBE_EXIT_CODE} `]),
    );
    expect(await filesIn(home.cache)).toEqual([expect.stringMatching(DIGEST)]);
  });

  test('unpacks again where a file is shorter than it was', async () => {
    await home.start();
    const file = join(await unpackedIn(home.cache), 'probe');
    const { size } = await stat(file);
    await truncate(file, size - 1);
    expect(await home.start()).toMatchObject({ code: PROBE_EXIT_CODE });
    expect((await stat(file)).size).toBe(size);
  });

  test('unpacking takes away versions that nobody has used for two weeks, and what a kill left; no others', async () => {
    await mkdir(home.cache, { recursive: true, mode: 0o700 });
    const [old, young] = ['a', 'b'].map((letter) => letter.repeat(64));
    // As long as a digest.
    const long = 'node-of-a-build@'.repeat(4);
    const names = [old, young, '.part-old', '.part-new', 'somebody-elses', long] as const;
    for (const name of names) {
      await mkdir(join(home.cache, name ?? ''));
      await writeFile(join(home.cache, name ?? '', 'file'), 'x');
    }
    const [day, now] = [24 * 3_600, Date.now() / 1_000];
    for (const name of [old, '.part-old', 'somebody-elses', long])
      await utimes(join(home.cache, name ?? ''), now - 15 * day, now - 15 * day);
    await utimes(join(home.cache, young ?? ''), now - 13 * day, now - 13 * day);
    await home.start();
    const left = (await filesIn(home.cache)).filter((name) => names.some((known) => known === name));
    expect(new Set(left)).toEqual(new Set(['.part-new', young, 'somebody-elses', long]));
  });
});

describe('a place that will not do', () => {
  /** Starts with a home that will not do; the folder for temporary files is the next. */
  async function startInTemporary() {
    const temporary = await home.makeFolder('tmp-');
    const run = await runProbe([home.probe.file], { HOME: home.path, TMPDIR: temporary });
    expect(run).toMatchObject({ code: PROBE_EXIT_CODE, stderr: '' });
    await unpackedIn(join(temporary, `converge-${process.getuid?.()}`));
  }

  test('a link', async () => {
    const other = await home.makeFolder('other-');
    await mkdir(join(home.path, '.cache'));
    await symlink(other, home.cache);
    await startInTemporary();
    expect(await filesIn(other)).toEqual([]);
  });

  test('others may write to it', async () => {
    await mkdir(home.cache, { recursive: true });
    await chmod(home.cache, 0o777);
    await startInTemporary();
    expect(await filesIn(home.cache)).toEqual([]);
  });

  test.runIf(isRoot)('it belongs to somebody else', async () => {
    await mkdir(home.cache, { recursive: true });
    await chown(home.cache, 65_534, 65_534);
    await startInTemporary();
    expect(await filesIn(home.cache)).toEqual([]);
  });

  test('a home that is not there', async () => {
    home.path = join(home.path, 'nowhere');
    await startInTemporary();
    expect(await filesIn(home.path)).toEqual([]);
  });
});

/** Runs `script` where mounts are its own. `$packed` is the packed probe, `$home` a home. */
const mounted = (script: string) =>
  runProbe(['unshare', '-m', 'sh', '-ec', `packed=${home.probe.file} home=${home.path}\n${script}`], {
    PATH: process.env['PATH'] ?? '',
  });

/** All places that are tried, each on a file system of its own. */
const everywhere = (options: string) =>
  ['/tmp', '/var/tmp', '/dev/shm', '/run']
    .map((path) => `mount -t tmpfs -o ${options} none ${path}`)
    .join('\n');

describe.runIf(isRoot)('where no folder will do', () => {
  // The probe itself must stay in sight.
  const copied =
    'mkdir /mnt/probe-$$; mount -t tmpfs none /mnt/probe-$$; cp $packed /mnt/probe-$$/packed; packed=/mnt/probe-$$/packed';
  const removed = 'trap "umount /mnt/probe-$$; rmdir /mnt/probe-$$" EXIT';

  test.each([
    ['programs may not run there', 'noexec'],
    ['it is full', 'size=64k'],
    ['nothing may be written', 'ro'],
  ])('%s: it starts from memory', async (_, options) => {
    const run = await mounted(
      `${copied}\n${removed}\n${everywhere(options)}\nset +e; env -i $packed word; exit $?`,
    );
    expect(run).toMatchObject({ code: PROBE_EXIT_CODE, stderr: '' });
    expect(run.facts.get('argument 1')).toBe('word');
    expect(run.facts.get('exe')).toMatch(/^\/memfd:/);
    expect(run.facts.get('CONVERGE_ADDONS')).toMatch(/^some\.node=\/proc\/self\/fd\/\d+$/);
  });

  test('a memory file does not become the output of a program that has none', async () => {
    const run = await mounted(
      `${copied}\n${removed}\n${everywhere('noexec')}\nset +e; env -i $packed <&- 2>&-; exit $?`,
    );
    expect(run.code).toBe(PROBE_EXIT_CODE);
    expect(run.facts.get('errors go to')).toBe('/dev/null');
  });

  test('nor where there is no /dev/null: nothing can be written there', async () => {
    const run = await mounted(
      `${copied}\n${removed}\n${everywhere('noexec')}\nmount -t tmpfs none /dev\nset +e; env -i $packed <&- 2>&-; exit $?`,
    );
    expect(run.code).toBe(PROBE_EXIT_CODE);
    expect(run.facts.get('errors go to')).toBe('/');
  });

  test('memory files run where the kernel wants to be asked for that', async () => {
    const sysctl = '/proc/sys/vm/memfd_noexec';
    const run = await mounted(`${copied}\n${removed}\n${everywhere('noexec')}
      [ -e ${sysctl} ] || { echo "unknown: here"; exit; }
      exec_it='mount -t proc none /proc; echo 1 >${sysctl}; env -i "$0"; exit $?'
      set +e; unshare -p -f -m sh -c "$exec_it" $packed; exit $?`);
    if (run.facts.has('unknown')) return;
    expect(run).toMatchObject({ code: PROBE_EXIT_CODE, stderr: '' });
    expect(run.facts.get('exe')).toMatch(/^\/memfd:/);
  });

  test('and there is no memory file without /proc: it says what it tried, and the way out', async () => {
    const hidden = 'mount -t tmpfs none /proc';
    const run = await mounted(
      `${copied}\n${everywhere('noexec')}\n${hidden}\nset +e; env -i $packed; exit $?`,
    );
    expect(run.code).toBe(126);
    expect(run.stderr).toMatch(
      /^packed: found no place to unpack itself to \(\d+ MB\): \/tmp\/converge-0: programs may not run from there \(noexec\); .*a memory file: needs \/proc\. Set TMPDIR to a folder where programs may run\n$/,
    );
  });

  test('a disk that is full on the way leaves nothing behind', async () => {
    const run = await mounted(
      `${copied}\n${removed}\n${everywhere('size=1m')}\nset +e; env -i $packed >/dev/null; find /tmp/converge-0 -mindepth 1 | sed 's/^/left: /'`,
    );
    expect([...run.facts]).toEqual([]);
  });
});

describe('a file that is not as it was made', () => {
  test.each([1, 16, 2_000, 100_000])('%i bytes are missing at its end', async (missing) => {
    const { code, stderr } = await home.startChanged(home.probe.bytes.subarray(0, -missing));
    expect(code).toBe(126);
    expect(stderr).toMatch(/^changed: \/.*\/changed is incomplete or damaged: download it again, /);
    expect(await filesIn(home.cache)).toEqual([]);
  });

  test('a byte in the middle of what is packed', async () => {
    const bytes = Buffer.from(home.probe.bytes);
    const at = Math.floor(bytes.length * 0.6);
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    const { code, stderr } = await home.startChanged(bytes);
    expect(code).toBe(126);
    expect(stderr).toMatch(/^changed: \/.*\/changed is damaged: download it again, /);
    expect(await filesIn(home.cache)).toEqual([]);
  });
});
