// The launcher under rough treatment: kills, limits, odd names, links, rights that are not the user's, damage of every kind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type PackedProbe,
  PROBE_EXIT_CODE,
  type ProbeRun,
  packProbe,
  runProbe,
} from '../../support/launcher/packed-probe.ts';

const isRoot = process.getuid?.() === 0;
const WORKS = { code: PROBE_EXIT_CODE, stderr: '' };

let probe: PackedProbe;
let home: string;
let cache: string;
beforeAll(async () => {
  probe = await packProbe();
}, 120_000);
afterAll(async () => {
  await rm(probe.folder, { recursive: true, force: true });
});
beforeEach(async () => {
  home = await mkdtemp(join(probe.folder, 'home-'));
  cache = join(home, '.cache/converge');
});

const start = (...args: string[]) => runProbe([probe.file, ...args], { HOME: home });

/** Runs a line of bash in which `$packed` is the packed probe. */
const bash = (line: string, env: Readonly<Record<string, string>> = {}) =>
  runProbe(['bash', '-c', line], { PATH: process.env['PATH'] ?? '', HOME: home, packed: probe.file, ...env });

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
      await rm(join(home, '.cache'), { recursive: true, force: true });
      const children = Array.from({ length: 3 }, () =>
        spawn(probe.file, { env: { HOME: home }, stdio: 'ignore' }),
      );
      const gone = children.map((child) => once(child, 'exit'));
      const isPastAll = async () => (await readdir(cache).catch(() => [])).length >= round % 4;
      while (!(await isPastAll()) && children.some(({ exitCode }) => exitCode === null));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(gone);
      expect(await start(), `round ${round}`).toMatchObject(WORKS);
    }
    const names = await readdir(cache);
    expect(names.filter((name) => !name.startsWith('.part-'))).toHaveLength(1);
  });
});

describe('limits', () => {
  test('of the size of files: memory files are files too, so it says what it tried', async () => {
    const run = await bash('ulimit -f 100; exec "$packed"');
    expectSentence(run, /\.cache\/converge: File too large; .*a memory file: File too large\. Set TMPDIR/);
    expect(await readdir(cache)).toEqual([]);
  });

  test('of the size of files that come after unpacking are as they were', async () => {
    await start();
    expect(await bash('ulimit -f 100; exec "$packed"')).toMatchObject(WORKS);
    // Ignored signals would go to all programs of the job.
    const { facts } = await start();
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
    expect(await readdir(home)).toEqual([]);
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
      home = join(home, name);
      await mkdir(home);
      expect(await start()).toMatchObject(WORKS);
      expect(await readdir(join(home, '.cache/converge'))).toHaveLength(1);
    },
  );

  test.each(['a:b', 'a;b', 'a$ORIGIN'])(
    'a home called %j is no place for lists of folders: the next one is',
    async (name) => {
      home = join(home, name);
      const temporary = await mkdtemp(join(probe.folder, 'tmp-'));
      await mkdir(home);
      const run = await runProbe([probe.file], { HOME: home, TMPDIR: temporary });
      expect(run).toMatchObject(WORKS);
      expect(run.facts.get('exe')).toContain(temporary);
    },
  );

  test.each(['relative', '.', ''])('a home called %j is none', async (name) => {
    const temporary = await mkdtemp(join(probe.folder, 'tmp-'));
    const run = await runProbe([probe.file], { HOME: name, XDG_CACHE_HOME: name, TMPDIR: temporary });
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('exe')).toContain(temporary);
  });

  test('what it says is one line, whatever it is called', async () => {
    const odd = join(home, 'odd\nname');
    await writeFile(odd, probe.bytes.subarray(0, -1), { mode: 0o755 });
    expectSentence(await runProbe([odd], { HOME: home }), /^odd\?name: .*odd\?name is incomplete or damaged/);
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
    expect(run.facts.get('CONVERGE_EXECUTABLE')).toBe(probe.file);
  });

  test('from a file that is gone by then', async () => {
    const line = 'cp "$packed" "$HOME/gone"; exec 3<"$HOME/gone"; rm "$HOME/gone"; exec /dev/fd/3';
    expect(await bash(line)).toMatchObject(WORKS);
  });

  test('a file that may be run and not read', async () => {
    const file = join(home, 'unreadable');
    await copyFile(probe.file, file);
    await chmod(file, 0o111);
    const run = await runProbe([file], { HOME: home });
    if (isRoot) expect(run).toMatchObject(WORKS);
    else expectSentence(run, /cannot read its own file/);
  });

  test.runIf(isRoot)('not with the rights of its owner', async () => {
    const file = join(probe.folder, 'of-root');
    await copyFile(probe.file, file);
    await chmod(file, 0o4755);
    await chmod(probe.folder, 0o755);
    const run = await runProbe(['setpriv', '--reuid=65534', '--clear-groups', '--regid=65534', file], {
      HOME: home,
    });
    expectSentence(run, /of-root does not run with the rights of its owner: chmod u-s,g-s it/);
  });
});

describe('links and strangers on the way', () => {
  const folderName = async (): Promise<string> => {
    await start();
    return (await readdir(cache))[0] ?? '';
  };

  test('a home that is a link works', async () => {
    const link = join(probe.folder, `link-${home.slice(-6)}`);
    await symlink(home, link);
    expect(await runProbe([probe.file], { HOME: link })).toMatchObject(WORKS);
    expect(await readdir(cache)).toHaveLength(1);
  });

  test('a link in the place of the unpacked folder is not followed', async () => {
    const name = await folderName();
    const other = join(home, 'other');
    await rename(join(cache, name), other);
    await symlink(other, join(cache, name));
    const run = await start();
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('exe')).not.toContain(other);
    expect(run.facts.get('exe')).not.toContain(cache);
    await rm(join('/tmp', `converge-${process.getuid?.()}`, name), { recursive: true, force: true });
  });

  test('a link in the place of an unpacked file is taken away', async () => {
    const name = await folderName();
    const file = join(cache, name, 'probe');
    const other = join(home, 'other');
    await rename(file, other);
    await symlink(other, file);
    expect(await start()).toMatchObject(WORKS);
    expect((await stat(file)).ino).not.toBe((await stat(other)).ino);
  });

  test.runIf(isRoot)('a file of somebody else in the unpacked folder is taken away', async () => {
    const file = join(cache, await folderName(), 'probe');
    await chown(file, 65_534, 65_534);
    expect(await start()).toMatchObject(WORKS);
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
      const [temporary, shared] = [join(home, 'temporary'), join(home, 'shared')];
      for (const path of [temporary, shared]) {
        await mkdir(path);
        await chmod(path, mode);
      }
      expect(await runProbe([probe.file], { TMPDIR: temporary })).toMatchObject(WORKS);
      expect(await readdir(temporary)).toHaveLength(count);
      expect(await runProbe([probe.file], { XDG_CACHE_HOME: shared })).toMatchObject(WORKS);
      expect(await readdir(shared)).toHaveLength(count);
    },
  );

  test('a home that others may write to is what it is', async () => {
    await chmod(home, 0o777);
    expect(await start()).toMatchObject(WORKS);
    expect(await readdir(cache)).toHaveLength(1);
  });

  test.runIf(isRoot).each([['HOME'], ['XDG_CACHE_HOME'], ['TMPDIR']])(
    '%s of another user: nothing runs from where that one may replace it, and nothing is left there',
    async (variable) => {
      await chown(home, 1_000, 1_000);
      const run = await runProbe([probe.file], { [variable]: home });
      expect(run).toMatchObject(WORKS);
      expect(run.facts.get('exe')).not.toContain(home);
      expect(await readdir(home)).toEqual([]);
    },
  );

  test.runIf(isRoot)('a folder in a home of root that another user owns', async () => {
    await mkdir(cache, { recursive: true, mode: 0o700 });
    await chown(join(home, '.cache'), 1_000, 1_000);
    const run = await start();
    expect(run).toMatchObject(WORKS);
    expect(run.facts.get('exe')).not.toContain(home);
    expect(await readdir(cache)).toEqual([]);
  });
});

describe('damage', () => {
  /** As pack.ts lays the index out; offsets in it. */
  const [FILES, CHUNKS] = [64 + 8 + 4 + 4, 64 + 8 + 4 + 4 + 16 * 48];
  const INDEX_BYTES = CHUNKS + 64 * 16 + 8 + 16;
  const PLACES: Readonly<Record<string, number>> = {
    'the digest': 3,
    'where the chunks begin': 64,
    'how many files there are': 72,
    'how many chunks there are': 76,
    'the name of a library': FILES + 2 * 48 + 5,
    'the length of a file': FILES + 40,
    'the size of a chunk': CHUNKS,
    'the unpacked size of a chunk': CHUNKS + 8,
    'what is behind the last chunk': CHUNKS + 63 * 16,
    'the check': INDEX_BYTES - 20,
    'its mark': INDEX_BYTES - 2,
    'the last chunk': -5,
  };

  test.each(Object.entries(PLACES))('a bit of %s', async (_, offset) => {
    const bytes = Buffer.from(probe.bytes);
    const at = bytes.length - INDEX_BYTES + offset;
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
    const file = join(home, 'changed');
    await writeFile(file, bytes, { mode: 0o755 });
    expectSentence(
      await runProbe([file], { HOME: home }),
      /^changed: .*\/changed is (incomplete or )?damaged: download it again/,
    );
    expect(await readdir(cache).catch(() => [])).toEqual([]);
  });

  test.each([
    ['the first chunk', 1],
    // Past its sections: what is of no use while it runs.
    ['the launcher', -3],
  ])('a bit of %s', async (_, offset) => {
    const bytes = Buffer.from(probe.bytes);
    const at = Number(bytes.readBigUInt64LE(bytes.length - INDEX_BYTES + 64)) + offset;
    bytes[at] = (bytes[at] ?? 0) ^ 0x01;
    const file = join(home, 'changed');
    await writeFile(file, bytes, { mode: 0o755 });
    expectSentence(
      await runProbe([file], { HOME: home }),
      /changed is (incomplete or )?damaged: download it again/,
    );
  });
});
