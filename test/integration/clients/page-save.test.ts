// Saving a text as the page does it, at OpenSSH's server and at ours: whatever breaks off leaves the old text or the new.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FileFault, type PageFiles } from '../../../services/clients/browser/job/job-files.ts';
import { saveText, type TextSave } from '../../../services/clients/browser/page/files/text-save.ts';
import { FILE_HOSTS, type FileHosts, startFileHosts } from '../../support/page-client/file-hosts.ts';

const OLD = 'the old text\n';
const NEW = 'the new\n';

const stack = new AsyncDisposableStack();
let hosts: FileHosts;
let root: string;
let folder: string;
let file: string;
let count = 0;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'converge-page-save-'));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  hosts = await startFileHosts(stack);
});
afterAll(() => stack.disposeAsync());
beforeEach(() => {
  folder = path.join(root, String((count += 1)));
  mkdirSync(folder);
  file = path.join(folder, 'note.txt');
  writeFileSync(file, OLD);
});

/** `files`, but for what is said otherwise. */
function altered(files: PageFiles, changes: Partial<PageFiles>): PageFiles {
  return new Proxy(files, {
    get: (target, name: keyof PageFiles) => {
      const value = changes[name] ?? target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function saveOf(files: PageFiles, more: Partial<TextSave> = {}): TextSave {
  const confirm = async (change: string): Promise<boolean> => {
    throw new Error(`asked: ${change}`);
  };
  return { files, path: file, before: bytesOf(OLD), bytes: bytesOf(NEW), confirm, ...more };
}

const content = (): string => readFileSync(file, 'utf8');
const names = (): readonly string[] => readdirSync(folder).toSorted();

describe.each(FILE_HOSTS)('%s', (host) => {
  test('puts another file in its place, with the same permissions and owner', async () => {
    using opened = await hosts.open(host);
    chmodSync(file, 0o4751);
    const before = statSync(file);
    expect(await saveText(saveOf(opened.files))).toEqual({ kind: 'saved' });
    const after = statSync(file);
    expect([content(), names()]).toEqual([NEW, ['note.txt']]);
    expect(after.ino).not.toBe(before.ino);
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
  });

  test.runIf(process.getuid?.() === 0)('keeps the owner of a file that is somebody else’s', async () => {
    using opened = await hosts.open(host);
    await opened.files.change(file, { kind: 'owner', owner: { uid: 65_534, gid: 65_533 } });
    expect(await saveText(saveOf(opened.files))).toEqual({ kind: 'saved' });
    expect([content(), statSync(file).uid, statSync(file).gid]).toEqual([NEW, 65_534, 65_533]);
  });

  test('writes what a link leads to, and leaves the link', async () => {
    using opened = await hosts.open(host);
    mkdirSync(path.join(folder, 'deep'));
    const link = path.join(folder, 'deep', 'link');
    symlinkSync('../note.txt', link);
    expect(await saveText(saveOf(opened.files, { path: link }))).toEqual({ kind: 'saved' });
    expect([content(), readdirSync(path.join(folder, 'deep'))]).toEqual([NEW, ['link']]);
  });

  test.each([true, false])(
    'asks before it writes over a file that has changed, down to one byte: %s',
    async (yes) => {
      using opened = await hosts.open(host);
      const { atime, mtime } = statSync(file);
      writeFileSync(file, OLD.replace('old', 'odd'));
      utimesSync(file, atime, mtime);
      const asked: string[] = [];
      const confirm = async (change: string): Promise<boolean> => asked.push(change) > 0 && yes;
      const saved = await saveText(saveOf(opened.files, { confirm }));
      expect([saved.kind, asked]).toEqual([yes ? 'saved' : 'kept', ['changed']]);
      expect([content(), names()]).toEqual([yes ? NEW : 'the odd text\n', ['note.txt']]);
    },
  );

  test('asks before it makes a file anew that is gone', async () => {
    using opened = await hosts.open(host);
    rmSync(file);
    const kept = await saveText(saveOf(opened.files, { confirm: async (change) => change !== 'gone' }));
    expect([kept.kind, names()]).toEqual(['kept', []]);
    expect((await saveText(saveOf(opened.files, { confirm: async () => true }))).kind).toBe('saved');
    expect(content()).toBe(NEW);
  });

  test('a file that was touched and is the same is not asked about', async () => {
    using opened = await hosts.open(host);
    utimesSync(file, 1, 1);
    expect((await saveText(saveOf(opened.files))).kind).toBe('saved');
  });

  test('where nothing can be made beside it, it is written over in place, and cut', async () => {
    using opened = await hosts.open(host);
    const { ino } = statSync(file);
    const files = altered(opened.files, {
      write: async (at, options) => {
        if (options?.from === 'fresh') throw new FileFault('permission_denied', 'no');
        return await opened.files.write(at, options);
      },
    });
    expect(await saveText(saveOf(files))).toEqual({ kind: 'saved_in_place' });
    expect([content(), names(), statSync(file).ino]).toEqual([NEW, ['note.txt'], ino]);
  });

  test.each(['rename', 'change'] as const)('so it is where the host refuses to %s', async (what) => {
    using opened = await hosts.open(host);
    const files = altered(opened.files, { [what]: () => Promise.reject(new FileFault('unsupported', 'no')) });
    // What cannot have its permissions is no stand-in for it; cutting is a change too, so the text has the same length.
    const bytes = bytesOf(OLD.replace('old', 'odd'));
    expect(await saveText(saveOf(files, { bytes }))).toEqual({ kind: 'saved_in_place' });
    expect([content(), names()]).toEqual(['the odd text\n', ['note.txt']]);
  });

  test.each<[string, (files: PageFiles) => Partial<PageFiles>]>([
    [
      'a disk that is full',
      (files) => ({
        write: async (at, options) => {
          await (await files.write(at, options)).abort();
          return new WritableStream({ write: () => Promise.reject(new FileFault('failure', 'no room')) });
        },
      }),
    ],
    [
      'a channel that is lost while it is written',
      (files) => ({
        write: async (at, options) => {
          const stream = await files.write(at, options);
          files.close();
          return stream;
        },
      }),
    ],
    [
      'a channel that is lost before it takes its place',
      (files) => ({
        rename: async (from, to) => {
          files.close();
          await files.rename(from, to);
        },
      }),
    ],
  ])('%s leaves the old text whole', async (_what, changes) => {
    using opened = await hosts.open(host);
    const saved = await saveText(saveOf(altered(opened.files, changes(opened.files))));
    expect(saved).toMatchObject({ kind: 'failed', isHarmed: false });
    expect(content()).toBe(OLD);
  });

  test.each(['a disk that is full', 'a channel that is lost'])(
    '%s leaves a part of a file that is made anew, and says so',
    async (what) => {
      using opened = await hosts.open(host);
      rmSync(file);
      const files = altered(opened.files, {
        write: async (at, options) => {
          const stream = await opened.files.write(at, options);
          if (what === 'a channel that is lost') opened.files.close();
          else await stream.abort();
          return new WritableStream({ write: () => Promise.reject(new FileFault('failure', 'no room')) });
        },
      });
      const saved = await saveText(saveOf(files, { confirm: async () => true }));
      expect(saved).toMatchObject({ kind: 'failed', isHarmed: true });
      expect(content()).toBe('');
    },
  );

  test('a name that is taken by the time it is made anew is left as it is', async () => {
    using opened = await hosts.open(host);
    rmSync(file);
    const confirm = async (): Promise<boolean> => {
      writeFileSync(file, 'of somebody else\n');
      return true;
    };
    expect(await saveText(saveOf(opened.files, { confirm }))).toMatchObject({
      kind: 'failed',
      isHarmed: false,
    });
    expect(content()).toBe('of somebody else\n');
  });
});
