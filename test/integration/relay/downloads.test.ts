// Downloads over a real socket, with the tools that people use: curl and wget.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerRefusals } from '../../../services/relay/http/door/refusal.ts';
import { registerDownloads } from '../../../services/relay/http/download/downloads.ts';
import { until } from '../../support/time/poll.ts';

const run = promisify(execFile);
/** More than any socket buffer holds, and compressible by half. */
const CONTENT = Buffer.concat([randomBytes(6_000_000), Buffer.alloc(6_000_000)]);
const DIGEST = createHash('sha256').update(CONTENT).digest('hex');
const SCRIPT = Buffer.from('#!/usr/bin/env node\n');

let folder: string;
let empty: string;
let work: string;
let app: FastifyInstance;
let unbuilt: FastifyInstance;
let origin: string;

beforeAll(async () => {
  [folder, empty, work] = (await Promise.all(
    ['bin-', 'empty-', 'work-'].map((name) => mkdtemp(join(tmpdir(), `converge-${name}`))),
  )) as [string, string, string];
  await writeFile(join(folder, 'agent-linux-x64'), CONTENT);
  await writeFile(join(folder, 'agent-linux-x64.gz'), gzipSync(CONTENT));
  await writeFile(join(folder, 'agent-linux-x64.zst'), zstdCompressSync(CONTENT));
  await writeFile(join(folder, 'agent-linux-arm64'), 'arm');
  await writeFile(join(folder, 'tcptows-windows-x64.exe'), 'MZ');
  await writeFile(join(folder, 'tcptows-darwin-arm64'), 'mac');
  await writeFile(join(folder, 'wsproxy.mjs'), SCRIPT);
  await writeFile(join(folder, 'wsproxy.mjs.gz'), gzipSync(SCRIPT));
  await writeFile(join(folder, 'wsproxy-linux-x64'), 'half a build, not in SHA256SUMS');
  await writeFile(
    join(folder, 'SHA256SUMS'),
    [
      `${DIGEST}  agent-linux-x64`,
      `${digestOf(Buffer.from('arm'))}  agent-linux-arm64`,
      `${digestOf(Buffer.from('MZ'))}  tcptows-windows-x64.exe`,
      `${digestOf(Buffer.from('mac'))}  tcptows-darwin-arm64`,
      `${digestOf(SCRIPT)}  wsproxy.mjs`,
      '',
    ].join('\n'),
  );
  app = fastify();
  answerRefusals(app, { refused: () => undefined });
  registerDownloads(app, { directory: folder, platform: 'linux-x64' });
  origin = await app.listen({ host: '127.0.0.1', port: 0 });
  unbuilt = fastify();
  answerRefusals(unbuilt, { refused: () => undefined });
  registerDownloads(unbuilt, { directory: empty, platform: 'linux-x64' });
});

afterAll(async () => {
  await app.close();
  await unbuilt.close();
  await Promise.all([folder, empty, work].map((path) => rm(path, { recursive: true, force: true })));
});

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Runs a program without the machine's own curl and wget settings or proxies. */
async function runTool(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, { cwd: work, env: { PATH: process.env['PATH'], HOME: work } });
  return stdout;
}

describe('people get the whole program with', () => {
  test.each([
    ['curl', ['-fsSLo', 'plain'], 'plain'],
    ['curl', ['--compressed', '-fsSLo', 'compressed'], 'compressed'],
    ['wget', ['-q', '-O', 'wgot'], 'wgot'],
  ])('%s %j', async (program, args, file) => {
    await runTool(program, ...args, `${origin}/docs/agent`);
    expect(digestOf(await readFile(join(work, file)))).toBe(DIGEST);
  });

  test.each([
    ['curl', ['-fsSL', '-C', '-', '-o', 'resumed-1'], 'resumed-1'],
    ['curl', ['--compressed', '-fsSL', '-C', '-', '-o', 'resumed-2'], 'resumed-2'],
    ['wget', ['-q', '-c', '-O', 'resumed-3'], 'resumed-3'],
  ])('%s %j, going on where it stopped', async (program, args, file) => {
    await writeFile(join(work, file), CONTENT);
    await truncate(join(work, file), 1_234_567);
    await runTool(program, ...args, `${origin}/docs/agent`);
    expect(digestOf(await readFile(join(work, file)))).toBe(DIGEST);
  });

  test('curl -OJ, under the name that was asked for', async () => {
    await runTool('curl', '-fsSLOJ', `${origin}/docs/agent-linux-arm64`);
    expect(await readFile(join(work, 'agent-linux-arm64'), 'utf8')).toBe('arm');
  });

  test.each([
    ['tcptows-windows-x64', 'tcptows-windows-x64.exe', 'MZ'],
    ['tcptows-windows-x64.exe', 'tcptows-windows-x64.exe', 'MZ'],
    ['tcptows-darwin-arm64', 'tcptows-darwin-arm64', 'mac'],
    ['tcptows.exe', 'tcptows.exe', 'MZ'],
    ['wsproxy.mjs', 'wsproxy.mjs', SCRIPT.toString()],
  ])('curl -OJ of %s, as %s, which its system runs', async (name, saved, content) => {
    await runTool('curl', '--compressed', '-fsSLOJ', `${origin}/docs/${name}`);
    expect(await readFile(join(work, saved), 'utf8')).toBe(content);
    await rm(join(work, saved));
  });

  test('the checksum line of the usage page', async () => {
    await writeFile(join(work, 'agent'), CONTENT);
    const line = `curl -fsSL ${origin}/docs/SHA256SUMS | sed -n 's/ agent-linux-x64$/ agent/p' | sha256sum -c`;
    expect(await runTool('sh', '-c', line)).toBe('agent: OK\n');
  });
});

describe('a name without a platform', () => {
  /** On a pod that runs on `platform` and has these for it. */
  async function nameless(platform: string, ...built: string[]): Promise<string> {
    const directory = await mkdtemp(join(work, 'bin-'));
    await using other = fastify();
    answerRefusals(other, { refused: () => undefined });
    for (const name of built) await writeFile(join(directory, name), name);
    const sums = built.map((name) => `${digestOf(Buffer.from(name))}  ${name}\n`).join('');
    await writeFile(join(directory, 'SHA256SUMS'), sums);
    registerDownloads(other, { directory, platform });
    return (await other.inject({ url: '/docs/agent' })).body;
  }

  test('is the same file on pods of every kind, where they have it', async () => {
    const all = ['agent-linux-arm64', 'agent-linux-x64', 'agent-darwin-arm64'];
    for (const platform of ['linux-x64', 'linux-arm64', 'linux-riscv64'])
      expect(await nameless(platform, ...all), platform).toBe('agent-linux-x64');
  });

  test('is for the platform of the relay where it has no other', async () => {
    expect(await nameless('linux-arm64', 'agent-linux-arm64')).toBe('agent-linux-arm64');
  });
});

describe('a response', () => {
  test.each([
    ['zstd', 'gzip, zstd', `"${DIGEST}-zstd"`],
    ['gzip', 'gzip', `"${DIGEST}-gzip"`],
    [undefined, 'identity', `"${DIGEST}"`],
  ])('as %s has its own strong ETag and says how long it is', async (coding, accepted, etag) => {
    const head = await app.inject({
      method: 'HEAD',
      url: '/docs/agent',
      headers: { 'accept-encoding': accepted },
    });
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    expect(head.headers).toMatchObject({
      etag,
      vary: 'accept-encoding',
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="agent"',
      'cache-control': 'public, no-cache, no-transform',
      'x-content-type-options': 'nosniff',
      'accept-ranges': coding === undefined ? 'bytes' : 'none',
    });
    expect(head.headers['content-encoding']).toBe(coding);
    const get = await app.inject({ url: '/docs/agent', headers: { 'accept-encoding': accepted } });
    expect(get.headers).toMatchObject({ etag, 'content-length': String(get.rawPayload.length) });
    expect(get.headers['content-length']).toBe(head.headers['content-length']);
  });

  test('is 304 for whoever has it, and only in the form that they have', async () => {
    const ask = (etag: string) =>
      app.inject({ url: '/docs/agent', headers: { 'if-none-match': etag, 'accept-encoding': 'gzip' } });
    const kept = await ask(`"other", W/"${DIGEST}-gzip"`);
    expect(kept.statusCode).toBe(304);
    expect(kept.body).toBe('');
    expect(kept.headers['etag']).toBe(`"${DIGEST}-gzip"`);
    expect((await ask(`"${DIGEST}"`)).statusCode).toBe(200);
  });

  test('falls back to the plain file where a compressed one was not built', async () => {
    const answer = await app.inject({
      url: '/docs/agent-linux-arm64',
      headers: { 'accept-encoding': 'zstd, gzip;q=0.5' },
    });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.body).toBe('arm');
  });

  test('to a range is uncompressed, whatever is accepted', async () => {
    const answer = await app.inject({
      url: '/docs/agent',
      headers: { range: 'bytes=5-9', 'accept-encoding': 'gzip', 'if-range': `"${DIGEST}"` },
    });
    expect(answer.statusCode).toBe(206);
    expect(answer.rawPayload).toEqual(CONTENT.subarray(5, 10));
    expect(answer.headers).toMatchObject({
      'content-range': `bytes 5-9/${CONTENT.length}`,
      'content-length': '5',
      etag: `"${DIGEST}"`,
    });
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  test.each([`"${DIGEST}-gzip"`, `W/"${DIGEST}"`, 'Sun, 22 Nov 2026 10:00:00 GMT'])(
    'to a range of something else (If-Range: %s) is the whole file',
    async (validator) => {
      const answer = await app.inject({
        url: '/docs/agent',
        headers: { range: 'bytes=5-9', 'if-range': validator },
      });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['content-length']).toBe(String(CONTENT.length));
    },
  );

  test('to a range beyond the end is 416 and tells the size', async () => {
    const answer = await app.inject({ url: '/docs/agent', headers: { range: `bytes=${CONTENT.length}-` } });
    expect(answer.statusCode).toBe(416);
    expect(answer.headers['content-range']).toBe(`bytes */${CONTENT.length}`);
    expect(answer.json()).toMatchObject({ code: 'range_not_satisfiable' });
  });
});

describe('a file that is there as gzip alone, as in the image', () => {
  let packed: FastifyInstance;
  let at: string;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(work, 'packed-'));
    await writeFile(join(directory, 'agent-linux-x64.gz'), gzipSync(CONTENT));
    await writeFile(join(directory, 'SHA256SUMS'), `${DIGEST}  agent-linux-x64\n`);
    packed = fastify();
    answerRefusals(packed, { refused: () => undefined });
    registerDownloads(packed, { directory, platform: 'linux-x64' });
    at = await packed.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(() => packed.close());

  test.each([
    ['curl', ['-fsSLo', 'unpacked-1'], 'unpacked-1'],
    ['curl', ['--compressed', '-fsSLo', 'unpacked-2'], 'unpacked-2'],
    ['wget', ['-q', '-O', 'unpacked-3'], 'unpacked-3'],
  ])('is the whole program for %s %j', async (program, args, file) => {
    await runTool(program, ...args, `${at}/docs/agent`);
    expect(digestOf(await readFile(join(work, file)))).toBe(DIGEST);
  });

  test('has the size and the tag of the plain file, in the plain form', async () => {
    const head = await packed.inject({ method: 'HEAD', url: '/docs/agent' });
    expect(head.headers).toMatchObject({
      etag: `"${DIGEST}"`,
      'content-length': String(CONTENT.length),
      'accept-ranges': 'none',
    });
    expect(head.headers['content-encoding']).toBeUndefined();
  });

  test('has no ranges: a stranger could have all of it unpacked for its last byte', async () => {
    for (const range of ['bytes=-1', `bytes=${CONTENT.length}-`]) {
      const answer = await packed.inject({ url: '/docs/agent', headers: { range } });
      expect(answer.statusCode).toBe(200);
      expect(answer.rawPayload.length).toBe(CONTENT.length);
    }
  });

  test('is closed when the client goes away, or asks for nothing of it', async () => {
    await expectOpen(0, directory);
    await packed.inject({ method: 'HEAD', url: '/docs/agent' });
    const socket = connect(Number(new URL(at).port), '127.0.0.1');
    socket.write('GET /docs/agent HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    await expectOpen(1, directory);
    socket.destroy();
    await expectOpen(0, directory);
  });

  test('ends the answer where the file is damaged', async () => {
    const damaged = gzipSync(CONTENT).subarray(0, 3_000_000);
    await writeFile(join(directory, 'wsproxy-linux-x64.gz'), damaged);
    await writeFile(join(directory, 'SHA256SUMS'), `${DIGEST}  wsproxy-linux-x64\n`, { flag: 'a' });
    await expect(runTool('curl', '-fsSo', 'damaged', `${at}/docs/wsproxy`)).rejects.toThrow();
  });
});

describe('what is not there', () => {
  test.each([
    ['/docs/agent-solaris-sparc', 'no agent for that platform here; there is linux-arm64, linux-x64'],
    ['/docs/tcptows-windows-arm64', 'no tcptows for that platform here; there is darwin-arm64, windows-x64'],
    [
      '/docs/tcptows-darwin-arm64.exe',
      'no tcptows for that platform here; there is darwin-arm64, windows-x64',
    ],
    ['/docs/wsproxy', 'wsproxy-linux-x64 is not built here; run npm run build'],
    [
      '/docs/tcptows',
      'this relay was built without tcptows for linux-x64; it has darwin-arm64, windows-x64. A build with PLATFORMS=linux-x64, or all, has it',
    ],
    [
      '/docs/agent-darwin-x64',
      'this relay was built without agent for darwin-x64; it has linux-arm64, linux-x64. A build with PLATFORMS=darwin-x64, or all, has it',
    ],
    [
      '/docs/agent.exe',
      'this relay was built without agent for windows-x64; it has linux-arm64, linux-x64. A build with PLATFORMS=windows-x64, or all, has it',
    ],
    [
      '/docs/doctor',
      'no such download; there is agent, wsproxy, tcptows, wsproxy.mjs, converge-terminal.html, agent.sh, client.sh, agent.ps1, client.ps1, SHA256SUMS',
    ],
    [
      '/docs/agent-linux-x64.gz',
      'no such download; there is agent, wsproxy, tcptows, wsproxy.mjs, converge-terminal.html, agent.sh, client.sh, agent.ps1, client.ps1, SHA256SUMS',
    ],
    [
      '/docs/..%2f..%2fetc%2fpasswd',
      'no such download; there is agent, wsproxy, tcptows, wsproxy.mjs, converge-terminal.html, agent.sh, client.sh, agent.ps1, client.ps1, SHA256SUMS',
    ],
    [
      '/docs/agent-..',
      'no such download; there is agent, wsproxy, tcptows, wsproxy.mjs, converge-terminal.html, agent.sh, client.sh, agent.ps1, client.ps1, SHA256SUMS',
    ],
  ])('%s is a 404 that says what is', async (url, message) => {
    const answer = await app.inject({ url });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({ code: 'not_found', message });
  });

  test('a program that is there, but not for the platform of the relay, is listed as well', async () => {
    await using other = fastify();
    answerRefusals(other, { refused: () => undefined });
    await writeFile(join(work, 'SHA256SUMS'), `${DIGEST}  agent-linux-arm64\n`);
    registerDownloads(other, { directory: work, platform: 'linux-riscv64' });
    const answer = await other.inject({ url: '/docs/agent' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({
      message: 'no agent for that platform here; there is linux-arm64',
    });
  });

  test.each(['agent', 'wsproxy.mjs', 'converge-terminal.html', 'SHA256SUMS'])(
    '%s before a build names the command',
    async (name) => {
      const answer = await unbuilt.inject({ url: `/docs/${name}` });
      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toMatchObject({ code: 'not_found' });
      expect(answer.body).toContain('is not built here; run npm run build');
    },
  );
});

describe('files are closed', () => {
  test.runIf(process.platform === 'linux')(
    'after every kind of answer, and when the client goes away',
    async () => {
      await expectOpen(0);
      await app.inject({ method: 'HEAD', url: '/docs/agent' });
      await app.inject({ url: '/docs/agent', headers: { range: 'bytes=0-0' } });
      await app.inject({ url: '/docs/agent', headers: { range: 'bytes=99999999-' } });
      await app.inject({ url: '/docs/agent', headers: { 'if-none-match': '*' } });
      const socket = connect(Number(new URL(origin).port), '127.0.0.1');
      socket.write('GET /docs/agent HTTP/1.1\r\nhost: x\r\n\r\n');
      await new Promise((resolve) => socket.once('data', resolve));
      socket.pause();
      await expectOpen(1);
      socket.destroy();
      await expectOpen(0);
    },
  );
});

/** Files are closed a little after their answers have ended. */
async function expectOpen(count: number, directory = folder): Promise<void> {
  await until(`${count} files are open`, async () => (await countOpenBinaries(directory)) === count);
}

async function countOpenBinaries(directory: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((target) => target.startsWith(directory)).length;
}
