// The launcher under rough treatment: kills, limits, odd names, links, rights that are not the user's, damage of every kind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHUNKS_AT, FILES_AT, INDEX_BYTES } from '../../support/executables/pack-walk.ts';
import { PROBE_EXIT_CODE, type ProbeRun, runProbe } from '../../support/launcher/packed-probe.ts';
import { useProbe } from '../../support/launcher/probe-home.ts';

const isRoot = process.getuid?.() === 0;
const WORKS = { code: PROBE_EXIT_CODE, stderr: '' };

const home = useProbe();

/** Runs a line of bash in which `$packed` is the packed probe. */
const bash = (line: string, env: Readonly<Record<string, string>> = {}) =>
  runProbe(['bash', '-c', line], {
    PATH: process.env['PATH'] ?? '',
    HOME: home.path,
    packed: home.probe.file,
    ...env,
  });

/** One line of the program's, and a code that says that it could not be run. */
function expectSentence({ code, stderr, facts }: ProbeRun, sentence: RegExp): void {
  expect(stderr).toMatch(/^[^\n]+\n$/);
  expect(stderr).toMatch(sentence);
  expect([code, facts.size]).toEqual([126, 0]);
}

describe('kills', () => {
  test('starts that are killed while they unpack leave nothing under the name, and the next one works', async () => {
    // Each is killed a little later than the one before it, from before it has begun to after it has started the program.
    for (let round = 0; round < 8; round += 1) {
      await rm(join(home.path, '.cache'), { recursive: true, force: true });
      const children = Array.from({ length: 3 }, () =>
        spawn(home.probe.file, { env: { HOME: home.path }, stdio: 'ignore' }),
      );
      const gone = children.map((child) => once(child, 'exit'));
      const isPastAll = async () => (await readdir(home.cache).catch(() => [])).length >= round % 4;
      while (!(await isPastAll()) && children.some(({ exitCode }) => exitCode === null));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(gone);
      expect(await home.start(), `round ${round}`).toMatchObject(WORKS);
    }
    const names = await readdir(home.cache);
    expect(names.filter((name) => !name.startsWith('.part-'))).toHaveLength(1);
  });
});

describe('limits', () => {
  test('of the size of files: memory files are files too, so it says what it tried', async () => {
    const run = await bash('ulimit -f 100; exec "$packed"');
    expectSentence(run, /\.cache\/converge: File too large; .*a memory file: File too large\. Set TMPDIR/);
    expect(await readdir(home.cache)).toEqual([]);
  });

  test('of the size of files that come after unpacking are as they were', async () => {
    await home.start();
    expect(await bash('ulimit -f 100; exec "$packed"')).toMatchObject(WORKS);
    // Ignored signals would go to all programs of the job.
    const { facts } = await home.start();
    expect(facts.get('ignores SIGXFSZ')).toBe('no');
  });

  test('of addresses and open files, with which Node would crash', async () => {
    expectSentence(
      await bash('ulimit -v 1999999; exec "$packed"'),
      /: ulimit -v 1999999 is too little for it: it needs 2000000$/m,
    );
    expectSentence(
      await bash('ulimit -n 31; exec "$packed"'),
      /: ulimit -n 31 is too little for it: it needs 32$/m,
    );
    expect(await readdir(home.path)).toEqual([]);
    expect(await bash('ulimit -v 2000000; ulimit -n 32; exec "$packed"')).toMatchObject(WORKS);
    expect(await bash('ulimit -Sn 4; exec "$packed"')).toMatchObject(WORKS);
  });

  test('it starts without input and output, and they stay without anything', async () => {
    const run = await bash('exec 3>&1; (exec "$packed" <&- >&- 2>&-); echo "code: $?" >&3');
    expect(run.facts.get('code')).toBe(String(PROBE_EXIT_CODE));
  });
});

describe('names', () => {
  test.each(['two words', 'line\nend', "it's", '-', 'ünï', 'a=b', 'a%sb'])(
    'a home called %j',
    async (name) => {
      home.path = join(home.path, name);
      await mkdir(home.path);
      expect(await home.start()).toMatchObject(WORKS);
      expect(await readdir(home.cache)).toHaveLength(1);
    },
  );

  test.each(['a:b', 'a;b', 'a$ORIGIN'])(
    'a home called %j is no place for lists of folders: the next one is',
    async (name) => {
      home.path = join(home.path, name);
      const temporary = await home.makeFolder('tmp-');
      await mkdir(home.path);
      const run = await runProbe([home.probe.file], { HOME: home.path, TMPDIR: temporary });
      expect(run).toMatchObject(WORKS);
      expect(run.facts.get('exe')).toContain(temporary);
    },
  );

  test.each(['relative', '.', ''])('a home called %j is none', async (name) => {
    const temporary = await home.makeFolder('tmp-');
    const run = await runProbe([home.probe.file], { HOME: name, XDG_CACHE_HOME: name, TMPDIR: temporary });
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('exe')).toContain(temporary);
  });

  test('what it says is one line, whatever it is called', async () => {
    const run = await home.startChanged(home.probe.bytes.subarray(0, -1), 'odd\nname');
    expectSentence(run, /^odd\?name: .*odd\?name is incomplete or damaged/);
  });
});

describe('ways to start it', () => {
  test.each([
    ['by PATH', 'PATH=$(dirname "$packed"):$PATH; packed'],
    ['by a relative path', 'cd "$(dirname "$packed")"; ./packed'],
    ['with another argv[0]', 'exec -a other "$packed"'],
    ['with an empty argv[0]', 'exec -a "" "$packed"'],
    ['with an argv[0] as of a login shell', 'exec -l "$packed"'],
    ['by a link', 'ln -s "$packed" "$HOME/link"; "$HOME/link"'],
    ['from a descriptor', 'exec 3<"$packed"; exec /dev/fd/3'],
    ['with an environment of nothing', 'exec env -i HOME="$HOME" "$packed"'],
  ])('%s', async (_, line) => {
    const run = await bash(line);
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('CONVERGE_EXECUTABLE')).toBe(home.probe.file);
  });

  test('from a file that is gone by then', async () => {
    const line = 'cp "$packed" "$HOME/gone"; exec 3<"$HOME/gone"; rm "$HOME/gone"; exec /dev/fd/3';
    expect(await bash(line)).toMatchObject(WORKS);
  });

  test('a file that may be run and not read', async () => {
    const file = join(home.path, 'unreadable');
    await copyFile(home.probe.file, file);
    await chmod(file, 0o111);
    const run = await runProbe([file], { HOME: home.path });
    if (isRoot) expect(run).toMatchObject(WORKS);
    else expectSentence(run, /cannot read its own file/);
  });

  test.runIf(isRoot)('not with the rights of its owner', async () => {
    const file = join(home.probe.folder, 'of-root');
    await copyFile(home.probe.file, file);
    await chmod(file, 0o4755);
    await chmod(home.probe.folder, 0o755);
    const run = await runProbe(['setpriv', '--reuid=65534', '--clear-groups', '--regid=65534', file], {
      HOME: home.path,
    });
    expectSentence(run, /of-root does not run with the rights of its owner: chmod u-s,g-s it/);
  });
});

describe('links and strangers on the way', () => {
  const folderName = async (): Promise<string> => {
    await home.start();
    return (await readdir(home.cache))[0] ?? '';
  };

  test('a home that is a link works', async () => {
    const link = join(home.probe.folder, `link-${home.path.slice(-6)}`);
    await symlink(home.path, link);
    expect(await runProbe([home.probe.file], { HOME: link })).toMatchObject(WORKS);
    expect(await readdir(home.cache)).toHaveLength(1);
  });

  test('a link in the place of the unpacked folder is not followed', async () => {
    const name = await folderName();
    const other = join(home.path, 'other');
    await rename(join(home.cache, name), other);
    await symlink(other, join(home.cache, name));
    const run = await home.start();
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('exe')).not.toContain(other);
    expect(run.facts.get('exe')).not.toContain(home.cache);
    await rm(join('/tmp', `converge-${process.getuid?.()}`, name), { recursive: true, force: true });
  });

  test('a link in the place of an unpacked file is taken away', async () => {
    const name = await folderName();
    const file = join(home.cache, name, 'probe');
    const other = join(home.path, 'other');
    await rename(file, other);
    await symlink(other, file);
    expect(await home.start()).toMatchObject(WORKS);
    expect((await stat(file)).ino).not.toBe((await stat(other)).ino);
  });

  test.runIf(isRoot)('a file of somebody else in the unpacked folder is taken away', async () => {
    const file = join(home.cache, await folderName(), 'probe');
    await chown(file, 65_534, 65_534);
    expect(await home.start()).toMatchObject(WORKS);
    expect((await stat(file)).uid).toBe(0);
  });

  test.each([
    [0o777, 0],
    [0o775, 0],
    [0o1777, 1],
    [0o755, 1],
  ])(
    'a folder for temporary files of mode %o, in which others may replace what they like or not',
    async (mode, count) => {
      const [temporary, shared] = [join(home.path, 'temporary'), join(home.path, 'shared')];
      for (const path of [temporary, shared]) {
        await mkdir(path);
        await chmod(path, mode);
      }
      expect(await runProbe([home.probe.file], { TMPDIR: temporary })).toMatchObject(WORKS);
      expect(await readdir(temporary)).toHaveLength(count);
      expect(await runProbe([home.probe.file], { XDG_CACHE_HOME: shared })).toMatchObject(WORKS);
      expect(await readdir(shared)).toHaveLength(count);
    },
  );

  test('a home that others may write to is what it is', async () => {
    await chmod(home.path, 0o777);
    expect(await home.start()).toMatchObject(WORKS);
    expect(await readdir(home.cache)).toHaveLength(1);
  });

  test.runIf(isRoot).each([['HOME'], ['XDG_CACHE_HOME'], ['TMPDIR']])(
    '%s of another user: nothing runs from where that one may replace it, and nothing is left there',
    async (variable) => {
      await chown(home.path, 1_000, 1_000);
      const run = await runProbe([home.probe.file], { [variable]: home.path });
      expect(run).toMatchObject(WORKS);
      expect(run.facts.get('exe')).not.toContain(home.path);
      expect(await readdir(home.path)).toEqual([]);
    },
  );

  test.runIf(isRoot)('a folder in a home of root that another user owns', async () => {
    await mkdir(home.cache, { recursive: true, mode: 0o700 });
    await chown(join(home.path, '.cache'), 1_000, 1_000);
    const run = await home.start();
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('exe')).not.toContain(home.path);
    expect(await readdir(home.cache)).toEqual([]);
  });
});

describe('damage', () => {
  /** Starts it with another bit in one byte. */
  async function startDamaged(at: number): Promise<ProbeRun> {
    const bytes = Buffer.from(home.probe.bytes);
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
    return await home.startChanged(bytes);
  }

  /** Offsets in the index. */
  const PLACES: Readonly<Record<string, number>> = {
    'the digest': 3,
    'where the chunks begin': 64,
    'how many files there are': 72,
    'how many chunks there are': 76,
    'the name of a library': FILES_AT + 2 * 48 + 5,
    'the length of a file': FILES_AT + 40,
    'the size of a chunk': CHUNKS_AT,
    'the unpacked size of a chunk': CHUNKS_AT + 8,
    'what is behind the last chunk': CHUNKS_AT + 63 * 16,
    'the check': INDEX_BYTES - 20,
    'its mark': INDEX_BYTES - 2,
    'the last chunk': -5,
  };

  test.each(Object.entries(PLACES))('a bit of %s', async (_, offset) => {
    expectSentence(
      await startDamaged(home.probe.bytes.length - INDEX_BYTES + offset),
      /^changed: .*\/changed is (incomplete or )?damaged: download it again/,
    );
    expect(await readdir(home.cache).catch(() => [])).toEqual([]);
  });

  test.each([
    ['the first chunk', 1],
    // Past its sections: what is of no use while it runs.
    ['the launcher', -3],
  ])('a bit of %s', async (_, offset) => {
    const { bytes } = home.probe;
    const chunksBegin = Number(bytes.readBigUInt64LE(bytes.length - INDEX_BYTES + 64));
    expectSentence(
      await startDamaged(chunksBegin + offset),
      /changed is (incomplete or )?damaged: download it again/,
    );
  });
});
