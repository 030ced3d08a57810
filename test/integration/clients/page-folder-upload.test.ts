// Folders that a page uploads, at OpenSSH's server and at ours: all of it, whatever breaks off, and nothing outside of the folder.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FileFault, type PageFiles } from '../../../services/clients/browser/job/job-files.ts';
import { MAX_REFUSED_FILES } from '../../../services/clients/browser/page/dom/limits.ts';
import { folderUploadOf } from '../../../services/clients/browser/page/files/folder-upload.ts';
import type { LocalFolder } from '../../../services/clients/browser/page/files/local-folder.ts';
import { Transfer } from '../../../services/clients/browser/page/files/transfer.ts';
import { FILE_HOSTS, type FileHosts, startFileHosts } from '../../support/page-client/file-hosts.ts';

const stack = new AsyncDisposableStack();
let hosts: FileHosts;
let root: string;
let into: string;
let count = 0;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'converge-folder-upload-'));
  stack.defer(() => rmSync(root, { recursive: true, force: true }));
  hosts = await startFileHosts(stack);
});
afterAll(() => stack.disposeAsync());
beforeEach(() => {
  into = path.join(root, String((count += 1)), 'into');
  mkdirSync(into, { recursive: true });
});

/** Bytes that are others in each file. */
const bytesOf = (name: string, length: number): Buffer =>
  createHash('shake256', { outputLength: length }).update(name).digest();

type Sizes = Readonly<Record<string, number>>;

function localFolder(sizes: Sizes, folders: readonly string[] = [], name = 'tree'): LocalFolder {
  const all = new Set(folders);
  for (const file of Object.keys(sizes)) {
    const names = file.split('/');
    for (let depth = 1; depth < names.length; depth += 1) all.add(names.slice(0, depth).join('/'));
  }
  const files = Object.entries(sizes).map(([at, size]) => ({
    path: at,
    file: new File([new Uint8Array(bytesOf(at, size))], path.posix.basename(at)),
  }));
  return { name, look: async () => ({ folders: [...all], files, leftOut: 0 }) };
}

/** Every file below a folder by its path and digest, every folder as it is. */
function digestsOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const whole = path.join(entry.parentPath, entry.name);
      const at = path.relative(folder, whole);
      return entry.isFile() ? `${at} ${digest(readFileSync(whole))}` : `${at}/`;
    })
    .toSorted();
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function expected(sizes: Sizes, folders: readonly string[]): readonly string[] {
  const files = Object.entries(sizes).map(([at, size]) => `${at} ${digest(bytesOf(at, size))}`);
  return [...files, ...folders.map((at) => `${at}/`)].toSorted();
}

const SIZES: Sizes = {
  empty: 0,
  'one.bin': 1,
  'deep/deeper/deepest/large.bin': 3_000_001,
  'deep/ünï ✓ "quoted" $(id).txt': 1_000,
  'deep/back\\slash\nand line': 70_000,
  ...Object.fromEntries(Array.from({ length: 40 }, (_none, at) => [`many/${at}`, at * 100])),
};
const FOLDERS = [
  'deep',
  'deep/deeper',
  'deep/deeper/deepest',
  'many',
  'nothing in it',
  'nothing in it/at all',
];

describe.each(FILE_HOSTS)('%s', (host) => {
  test('has all of it, empty folders too, and is told how far it is', async () => {
    using opened = await hosts.open(host);
    const transfer = new Transfer(folderUploadOf(localFolder(SIZES, FOLDERS), into), () => undefined);
    await transfer.run(async () => opened.files);
    expect(transfer.state).toEqual({ kind: 'done', sentence: 'uploaded 45 files in 7 folders' });
    expect(digestsOf(path.join(into, 'tree'))).toEqual(expected(SIZES, FOLDERS));
    expect([transfer.moved, transfer.work.size]).toEqual(
      Array(2).fill(Object.values(SIZES).reduce((a, b) => a + b)),
    );
  });

  test('goes on where it was when the channel is lost: what is there is not sent again', async () => {
    using first = await hosts.open(host);
    using second = await hosts.open(host);
    const sizes = { ...SIZES, 'zz/last.bin': 6_000_000 };
    const folders = [...FOLDERS, 'zz'];
    const transfer: Transfer = new Transfer(
      folderUploadOf(localFolder(sizes, folders), into),
      ({ moved }) => {
        // In the middle of the last, which is the largest.
        if (moved > 6_000_000) first.files.close();
      },
    );
    await transfer.run(async () => first.files);
    expect(transfer.state).toEqual({ kind: 'interrupted', why: 'lost' });
    const written: (string | undefined)[] = [];
    const counting = new Proxy(second.files, {
      get(target, name: keyof PageFiles) {
        if (name === 'write')
          return (at: string, options?: Parameters<PageFiles['write']>[1]) => {
            written.push(typeof options?.from === 'number' ? 'on' : path.basename(at));
            return target.write(at, options);
          };
        const value = target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    transfer.goOn();
    await transfer.run(async () => counting);
    expect(transfer.state).toMatchObject({ kind: 'done', sentence: 'uploaded 46 files in 8 folders' });
    expect(digestsOf(path.join(into, 'tree'))).toEqual(expected(sizes, folders));
    expect(written).toContain('on');
    expect(written.length).toBeLessThan(6);
    expect(transfer.moved).toBe(transfer.work.size);
  });

  test('puts it into a folder that is there: others stay, files of the same name are replaced and keep their place', async () => {
    using opened = await hosts.open(host);
    mkdirSync(path.join(into, 'tree', 'deep'), { recursive: true });
    writeFileSync(path.join(into, 'tree', 'other'), 'stays');
    writeFileSync(path.join(into, 'tree', 'one.bin'), 'much longer than one byte', { mode: 0o640 });
    const transfer = new Transfer(folderUploadOf(localFolder(SIZES, FOLDERS), into), () => undefined);
    await transfer.run(async () => opened.files);
    expect(transfer.state.kind).toBe('done');
    rmSync(path.join(into, 'tree', 'other'));
    expect(digestsOf(path.join(into, 'tree'))).toEqual(expected(SIZES, FOLDERS));
    expect(statSync(path.join(into, 'tree', 'one.bin')).mode & 0o777).toBe(0o640);
  });

  test('follows no link out of the folder, for a file, for a folder, or at the top; and one within it is one', async () => {
    using opened = await hosts.open(host);
    const outside = path.join(path.dirname(into), 'outside');
    const tree = path.join(into, 'tree');
    mkdirSync(outside);
    mkdirSync(path.join(tree, 'real'), { recursive: true });
    writeFileSync(path.join(outside, 'passwd'), 'root');
    symlinkSync(path.join(outside, 'passwd'), path.join(tree, 'file'));
    symlinkSync(path.join(outside, 'made'), path.join(tree, 'dangling'));
    symlinkSync('../../outside', path.join(tree, 'folder'));
    symlinkSync('real', path.join(tree, 'within'));
    const sizes = { file: 9, dangling: 9, 'folder/new': 9, 'folder/deep/new': 9, 'within/new': 9, good: 9 };
    const transfer = new Transfer(folderUploadOf(localFolder(sizes), into), () => undefined);
    await transfer.run(async () => opened.files);
    expect(transfer.state).toMatchObject({
      kind: 'done',
      sentence: expect.stringMatching(/^uploaded 2 files in 4 folders, without 6: \S+: a link is there/),
    });
    expect(readdirSync(outside)).toEqual(['passwd']);
    expect(readFileSync(path.join(outside, 'passwd'), 'utf8')).toBe('root');
    expect(readFileSync(path.join(tree, 'real', 'new'))).toEqual(bytesOf('within/new', 9));
    // Of what was left out nothing is missing at the end.
    expect([transfer.moved, transfer.work.size]).toEqual([18, 18]);

    symlinkSync('../outside', path.join(into, 'away'));
    const away = new Transfer(folderUploadOf(localFolder({ new: 9 }, [], 'away'), into), () => undefined);
    await away.run(async () => opened.files);
    expect(away.state).toMatchObject({
      kind: 'failed',
      sentence: expect.stringContaining('a link is there'),
    });
    expect(existsSync(path.join(outside, 'new'))).toBe(false);
  });

  test('leaves out what has the name of something else, says so, and what cannot be read here', async () => {
    using opened = await hosts.open(host);
    mkdirSync(path.join(into, 'tree', 'a-file'), { recursive: true });
    writeFileSync(path.join(into, 'tree', 'a-folder'), 'a file');
    writeFileSync(path.join(into, 'tree', 'unread there'), 'a file');
    const folder = localFolder({ 'a-file': 5, 'a-folder/in it': 5, unread: 5, 'unread there': 5, good: 5 });
    const broken: LocalFolder = {
      ...folder,
      async look(seen, signal) {
        const tree = await folder.look(seen, signal);
        const unread = tree.files.filter(({ path: at }) => at.startsWith('unread'));
        const stream = (): ReadableStream =>
          new ReadableStream({
            pull: (controller) => controller.error(new DOMException('gone', 'NotReadableError')),
          });
        for (const { file } of unread) file.slice = () => Object.assign(new Blob([]), { stream });
        return { ...tree, leftOut: 2 };
      },
    };
    const transfer = new Transfer(folderUploadOf(broken, into), () => undefined);
    await transfer.run(async () => opened.files);
    expect(transfer.state).toMatchObject({
      kind: 'done',
      sentence: expect.stringMatching(
        /^uploaded 1 file in 2 folders, without 7: it cannot be read, or has a name/,
      ),
    });
    // No part of a file is left that was not there before; one that was there is not taken away.
    expect(readdirSync(path.join(into, 'tree')).toSorted()).toEqual([
      'a-file',
      'a-folder',
      'good',
      'unread there',
    ]);
  });

  test('gives up where the job takes one file after the other not, and says why', async () => {
    using opened = await hosts.open(host);
    let asked = 0;
    const full = new Proxy(opened.files, {
      get(target, name: keyof PageFiles) {
        if (name === 'write')
          return async () => {
            asked += 1;
            throw new FileFault('failure', 'no room');
          };
        const value = target[name];
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const sizes = Object.fromEntries(Array.from({ length: 500 }, (_none, at) => [`f${at}`, 10]));
    const transfer = new Transfer(folderUploadOf(localFolder(sizes), into), () => undefined);
    await transfer.run(async () => full);
    expect(transfer.state).toMatchObject({
      kind: 'failed',
      sentence: expect.stringMatching(
        /^given up after 20 files one after the other: f\d+: the job could not do it/,
      ),
    });
    expect(asked).toBeLessThan(MAX_REFUSED_FILES * 3);
  });

  test('is cancelled at once, and nothing goes on behind it', async () => {
    using opened = await hosts.open(host);
    const sizes = { 'a.bin': 20_000_000, ...SIZES };
    const transfer: Transfer = new Transfer(folderUploadOf(localFolder(sizes), into), ({ moved }) => {
      if (moved > 2_000_000) transfer.cancel();
    });
    await transfer.run(async () => opened.files);
    expect(transfer.state.kind).toBe('cancelled');
    const before = digestsOf(into);
    await opened.files.stat(into);
    expect(digestsOf(into)).toEqual(before);
    expect(statSync(path.join(into, 'tree', 'a.bin')).size).toBeLessThan(20_000_000);
  });
});
