// SFTP as pages speak it, at OpenSSH's server and at ours: the same deeds, the same outcome.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileFault, type PageFiles } from '../../../services/clients/browser/job/job-files.ts';
import {
  FILE_HOSTS,
  type FileHost,
  type FileHosts,
  startFileHosts,
} from '../../support/page-client/file-hosts.ts';
import { makeTree, type SftpTree } from '../../support/sftp/sftp-tree.ts';

const stack = new AsyncDisposableStack();
let hosts: FileHosts;
let folder: string;
let tree: SftpTree;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'converge-page-files-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  tree = stack.use(await makeTree());
  hosts = await startFileHosts(stack);
});
afterAll(() => stack.disposeAsync());

async function openFiles(name: FileHost): Promise<PageFiles & Disposable> {
  const opened = await hosts.open(name);
  return Object.assign(opened.files, { [Symbol.dispose]: () => opened[Symbol.dispose]() });
}

const bytesOf = (count: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: count }, (_none, at) => (at * 13 + (at >> 8)) & 0xff));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function readWhole(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function writeWhole(
  stream: WritableStream<Uint8Array>,
  bytes: Buffer,
  chunkBytes: number,
): Promise<void> {
  const writer = stream.getWriter();
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await writer.write(bytes.subarray(at, at + chunkBytes));
  await writer.close();
}

async function faultOf(doing: Promise<unknown>): Promise<string> {
  const fault = await doing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return fault instanceof FileFault ? fault.code : `no fault of files: ${String(fault)}`;
}

describe.each(FILE_HOSTS)('%s', (name) => {
  test('lists a folder: names, kinds, sizes and times, also names that are no text', async () => {
    using files = await openFiles(name);
    const { entries, isWhole } = await files.list(tree.root);
    expect(isWhole).toBe(true);
    const facts = entries.map(
      (entry) => [entry.name.rawTextToParse(), entry.kind, entry.isReachable] as const,
    );
    expect(facts.sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ['bad-\ufffd\ufffd', 'file', false],
      ['dangling', 'link', true],
      ['folder', 'folder', true],
      ['folder-link', 'link', true],
      ['grüße-日本-🙂', 'file', true],
      ['hello.txt', 'file', true],
      ['it\'s "quoted" and spaced', 'file', true],
      ['link', 'link', true],
      ['loop', 'link', true],
      ['setuid', 'file', true],
    ]);
    const hello = entries.find((entry) => entry.name.is('hello.txt'));
    expect(hello).toMatchObject({ size: 13, modifiedMs: 1_614_816_000_000 });
    expect(entries.find((entry) => entry.name.is('setuid'))?.permissions).toBe(0o6755);
    expect(await files.stat(`${tree.root}/folder-link`)).toMatchObject({ kind: 'folder' });
  });

  test.each([0, 1, 32_768, 131_072, 131_073, 3_000_001])('writes and reads %i bytes', async (count) => {
    using files = await openFiles(name);
    const file = path.join(folder, `${name}-${count}`);
    const bytes = bytesOf(count);
    await writeWhole(await files.write(file), bytes, 70_001);
    expect(sha256(readFileSync(file))).toBe(sha256(bytes));
    expect(sha256(await readWhole(await files.read(file)))).toBe(sha256(bytes));
    expect((await readWhole(await files.read(file, { from: Math.floor(count / 2) }))).length).toBe(
      Math.ceil(count / 2),
    );
  });

  test('goes on with an upload and a download where they were interrupted', async () => {
    using files = await openFiles(name);
    const file = path.join(folder, `${name}-resumed`);
    const bytes = bytesOf(1_000_000);
    const first = await files.write(file);
    const writer = first.getWriter();
    await writer.write(bytes.subarray(0, 600_000));
    await writer.abort('the page was closed');
    const { size = 0 } = await files.stat(file);
    expect(size).toBeLessThanOrEqual(600_000);
    await writeWhole(await files.write(file, { from: size }), bytes.subarray(size), 90_000);
    expect(sha256(readFileSync(file))).toBe(sha256(bytes));
    const reader = (await files.read(file)).getReader();
    const { value: head = new Uint8Array(0) } = await reader.read();
    await reader.cancel();
    const rest = await readWhole(await files.read(file, { from: head.length }));
    expect(sha256(Buffer.concat([head, rest]))).toBe(sha256(bytes));
  });

  test('reads a file whose size says nothing', async () => {
    using files = await openFiles(name);
    expect((await readWhole(await files.read('/proc/self/status'))).toString()).toMatch(/^Name:/);
  });

  test('is given up by its signal, in either direction', async () => {
    using files = await openFiles(name);
    const file = path.join(folder, `${name}-signal`);
    writeFileSync(file, bytesOf(2_000_000));
    const abort = new AbortController();
    const reading = (await files.read(file, { signal: abort.signal })).getReader();
    await reading.read();
    const writing = (await files.write(`${file}-2`, { signal: abort.signal })).getWriter();
    await writing.write(bytesOf(1_000));
    abort.abort();
    expect(await faultOf(reading.read())).toBe('aborted');
    expect(await faultOf(writing.closed)).toBe('aborted');
    expect(await files.realPath('/tmp/../tmp')).toBe('/tmp');
  });

  test('makes, renames and removes; replaces what is there', async () => {
    using files = await openFiles(name);
    const at = (last: string): string => path.join(folder, name, last);
    await files.makeFolder(at(''));
    await writeWhole(await files.write(at('one')), Buffer.from('one'), 10);
    await writeWhole(await files.write(at('two')), Buffer.from('two'), 10);
    await files.rename(at('one'), at('two'));
    expect(readFileSync(at('two'), 'utf8')).toBe('one');
    expect(await faultOf(files.removeFolder(at('')))).toBe('failure');
    await files.removeFile(at('two'));
    await files.removeFolder(at(''));
    expect(() => statSync(at(''))).toThrow();
  });

  test('makes a file only where nothing is, with the permissions that it is to have', async () => {
    using files = await openFiles(name);
    const file = path.join(folder, `${name}-fresh`);
    await writeWhole(await files.write(file, { from: 'fresh', permissions: 0o600 }), Buffer.from('one'), 10);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await faultOf(files.write(file, { from: 'fresh' }))).toBe('failure');
    symlinkSync(path.join(folder, `${name}-elsewhere`), `${file}-link`);
    expect(await faultOf(files.write(`${file}-link`, { from: 'fresh' }))).toBe('failure');
    expect(existsSync(path.join(folder, `${name}-elsewhere`))).toBe(false);
    expect(await files.lstat(`${file}-link`)).toMatchObject({ kind: 'link' });
    await files.change(file, { kind: 'permissions', permissions: 0o751 });
    await files.change(file, { kind: 'size', size: 2 });
    expect([statSync(file).mode & 0o777, readFileSync(file, 'utf8')]).toEqual([0o751, 'on']);
    const { owner } = await files.stat(file);
    expect(owner).toEqual({ uid: statSync(file).uid, gid: statSync(file).gid });
    if (owner !== undefined) await files.change(file, { kind: 'owner', owner });
  });

  test('a channel that the host closes is over, and says that it was the host', async () => {
    using opened = await hosts.open(name);
    const { channel, files } = opened;
    expect(files.isOver).toBe(false);
    const writing = (await files.write(path.join(folder, `${name}-closed`))).getWriter();
    await writing.write(bytesOf(100_000));
    // Answered, so whatever was sent before has left.
    await files.stat('/');
    // No file server goes on after a message of four gigabytes.
    await channel.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 6));
    await channel.closed;
    expect(await faultOf(writing.write(bytesOf(4_000_000)).then(() => writing.close()))).toBe('closed');
    expect([files.isOver, await faultOf(files.stat('/'))]).toEqual([true, 'closed']);
  });

  test('says what is wrong in one word', async () => {
    using files = await openFiles(name);
    expect(await faultOf(files.stat('/nowhere/at/all'))).toBe('no_such_file');
    expect(await faultOf(files.read('/nowhere'))).toBe('no_such_file');
    expect(await faultOf(files.list('/nowhere'))).toBe('no_such_file');
    expect(await faultOf(files.write('/nowhere/x'))).toBe('no_such_file');
    expect(await faultOf(files.makeFolder('/tmp'))).toBe('failure');
    expect(await faultOf(files.stat('nul\0byte'))).toBe('no_such_file');
    expect(await faultOf(files.stat('x'.repeat(5_000)))).toBe('no_such_file');
    files.close();
    expect(await faultOf(files.stat('/'))).toBe('ended');
  });
});
