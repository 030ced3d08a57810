// Folders of this machine, as browsers hand them over: in batches, without an end that is known, and with whatever names they have.
import { describe, expect, test } from 'vitest';
import {
  MAX_UPLOAD_DEPTH,
  MAX_UPLOAD_ENTRIES,
} from '../../../../../services/clients/browser/page/dom/limits.ts';
import {
  type DroppedDirectory,
  droppedFolder,
  type LocalFolder,
  pickedFolder,
} from '../../../../../services/clients/browser/page/files/local-folder.ts';

const signal = new AbortController().signal;
/** As Chromium does. */
const BATCH = 100;

interface Nodes {
  readonly [name: string]: string | Nodes;
}

/** `unreadable` stands for what cannot be read, a folder if its name says so. */
function entryOf(name: string, node: Nodes[string]): DroppedDirectory {
  const isDirectory = typeof node === 'object' || name.startsWith('folder');
  const entry = {
    name,
    isFile: !isDirectory,
    isDirectory,
    file(found: (file: File) => void, failed: () => void) {
      if (node === 'unreadable') failed();
      else found(new File([], name));
    },
    createReader() {
      const left = typeof node === 'object' ? Object.entries(node) : [];
      return {
        readEntries(found: (entries: DroppedDirectory[]) => void, failed: () => void) {
          if (node === 'unreadable') return failed();
          found(left.splice(0, BATCH).map(([one, below]) => entryOf(one, below)));
        },
      };
    },
  };
  return entry;
}

async function looked(folder: LocalFolder) {
  const { files, folders, leftOut } = await folder.look(() => undefined, signal);
  return { files: files.map(({ path }) => path), folders, leftOut };
}

const dropped = (nodes: Nodes): LocalFolder => droppedFolder(entryOf('tree', nodes));

describe('a folder that was dropped', () => {
  test('is read to its end, however many batches that are, with empty folders, parents first', async () => {
    const many = Object.fromEntries(Array.from({ length: 250 }, (_none, at) => [`f${at}`, 'x']));
    const { files, folders, leftOut } = await looked(dropped({ many, a: { b: { c: {} } }, top: 'x' }));
    expect(files).toHaveLength(251);
    expect(new Set(files).has('many/f249')).toBe(true);
    expect(folders).toEqual(['many', 'a', 'a/b', 'a/b/c']);
    expect(leftOut).toBe(0);
  });

  test('says how far it is', async () => {
    const seen: number[] = [];
    await dropped({ a: 'x', b: { c: 'x' } }).look((count) => seen.push(count), signal);
    expect(seen).toEqual([1, 2, 3]);
  });

  test.each([['..'], ['.'], ['a/b'], ['nul\0'], ['half \ud800 a pair']])(
    'a name that no file can have there is left out, with all that is below it: %j',
    async (name) => {
      expect(await looked(dropped({ [name]: 'x', good: 'x' }))).toMatchObject({
        files: ['good'],
        leftOut: 1,
      });
      expect(await looked(dropped({ [name]: { evil: 'x' }, good: 'x' }))).toEqual({
        files: ['good'],
        folders: [],
        leftOut: 1,
      });
    },
  );

  test('what cannot be read is left out, and the rest is there', async () => {
    const { files, leftOut } = await looked(dropped({ a: 'unreadable', 'folder-b': 'unreadable', c: 'x' }));
    expect([files, leftOut]).toEqual([['c'], 2]);
  });

  test('one that is too deep is refused, as one is that has itself in it', async () => {
    const loop = { name: 'again', isFile: false, isDirectory: true } as DroppedDirectory;
    loop.createReader = () => {
      let isRead = false;
      return {
        readEntries(found) {
          found(isRead ? [] : [loop]);
          isRead = true;
        },
      };
    };
    await expect(looked(droppedFolder(loop))).rejects.toThrow(`more than ${MAX_UPLOAD_DEPTH} deep: pack it`);
  });

  test('one that has too much is refused before all of it is read', async () => {
    let handedOver = 0;
    const endless = { name: 'tree', isFile: false, isDirectory: true } as DroppedDirectory;
    endless.createReader = () => ({
      readEntries: (found) =>
        found(Array.from({ length: BATCH }, () => entryOf(`f${(handedOver += 1)}`, 'x'))),
    });
    await expect(looked(droppedFolder(endless))).rejects.toThrow(
      /more than 50,000 files and folders: pack it/,
    );
    expect(handedOver).toBeLessThanOrEqual(MAX_UPLOAD_ENTRIES + BATCH);
  });

  test('is given up by its signal', async () => {
    const abort = new AbortController();
    const looking = dropped({ a: { b: { c: 'x' } } }).look(() => abort.abort(), abort.signal);
    await expect(looking).rejects.toThrow('abort');
  });
});

describe('a folder that was picked', () => {
  const picked = (...paths: string[]): LocalFolder | undefined =>
    pickedFolder(paths.map((path) => Object.assign(new File(['x'], path), { webkitRelativePath: path })));

  test('has the folders of its files, each once', async () => {
    const folder = picked('tree/a', 'tree/b/c/d', 'tree/b/e');
    expect(folder?.name).toBe('tree');
    expect(folder && (await looked(folder))).toEqual({
      files: ['a', 'b/c/d', 'b/e'],
      folders: ['b', 'b/c'],
      leftOut: 0,
    });
  });

  test('of which nothing was handed over is none', () => {
    expect(picked()).toBeUndefined();
  });

  test('leads nowhere else', async () => {
    const folder = picked('tree/../../etc/passwd', 'tree/good');
    expect(folder && (await looked(folder)).files).toEqual(['good']);
  });
});
