// SFTP as pages speak it, at OpenSSH's server and at ours: the same deeds, the same outcome.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileFault, type PageFiles } from '../../../services/clients/browser/job/job-files.ts';
import { openSftp } from '../../../services/clients/browser/sftp/sftp-files.ts';
import { openSession } from '../../../services/clients/browser/ssh/channels/session.ts';
import { ensureCommands } from '../../support/machine/test-commands.ts';
import { keyFromFile } from '../../support/page-client/page-key.ts';
import { type PageSession, startPageSession } from '../../support/page-client/page-session.ts';
import { lineOver } from '../../support/page-client/tcp-line.ts';
import { makeTree, type SftpTree } from '../../support/sftp/sftp-tree.ts';
import { startSshHost } from '../../support/ssh/ssh-host.ts';
import { makeKeyFolder, startSshd } from '../../support/ssh/sshd.ts';

const stack = new AsyncDisposableStack();
const pages: Record<string, PageSession> = {};
let folder: string;
let tree: SftpTree;

beforeAll(async () => {
  await ensureCommands(['ssh-keygen', 'sshd', 'sftp-server']);
  folder = mkdtempSync(path.join(tmpdir(), 'converge-page-files-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  tree = stack.use(await makeTree());
  const keys = await makeKeyFolder(stack);
  const sshd = await startSshd(stack, keys);
  pages['sshd'] = await startPageSession(lineOver(connect({ port: sshd.port, host: '127.0.0.1' })), {
    user: userInfo().username,
    signIn: { keys: [keyFromFile(path.join(keys, 'key'))] },
  });
  const agent = await startSshHost();
  stack.defer(() => agent.stop());
  pages['agent'] = await startPageSession(lineOver(connect({ port: agent.port, host: '127.0.0.1' })), {
    signIn: { keys: [keyFromFile(agent.keyFile)] },
  });
});
afterAll(async () => {
  for (const page of Object.values(pages)) page.transport.close('the test is over');
  await stack.disposeAsync();
});

async function openFiles(name: string): Promise<PageFiles & Disposable> {
  const page = pages[name];
  if (page === undefined) throw new Error(`no host ${name}`);
  const opened = await openSession(page.connection, { run: { kind: 'subsystem', name: 'sftp' } });
  if (opened.kind === 'refused') throw new Error('no SFTP');
  const files = await openSftp(opened.channel);
  return Object.assign(files, { [Symbol.dispose]: () => files.close() });
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

describe.each(['sshd', 'agent'])('%s', (name) => {
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
