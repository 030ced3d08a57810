// The signature of the checksums: made by the build, served by a relay, checked with the machine's own openssl.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSigningKey, signChecksums } from '../../../deploy/build/signature.ts';
import { ROOT } from '../../../deploy/build/source-tree.ts';
import type { Made } from '../../../deploy/build/stamp.ts';

const run = promisify(execFile);

let folder: string;
let keyFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-signature-'));
  keyFile = join(folder, 'signing.pem');
  await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', keyFile]);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes a SHA256SUMS as the build does, and says whether it is another than before. */
async function sumsOf(content: string, isNew = true): Promise<Made> {
  const path = join(folder, 'SHA256SUMS');
  const digest = createHash('sha256').update(content).digest('hex');
  await writeFile(path, `${digest}  agent-linux-x64\n`);
  return { path, key: digest, isNew };
}

async function signWith(file: string | undefined, sums: Made): Promise<Made | undefined> {
  const key = file === undefined ? undefined : await readSigningKey(file);
  return signChecksums(sums, key, join(folder, 'stamps'));
}

describe('a signature', () => {
  test('is what openssl itself makes with that key', async () => {
    const sums = await sumsOf('one');
    const made = await signWith(keyFile, sums);
    expect(made).toMatchObject({ path: `${sums.path}.sig`, isNew: true });
    const byOpenssl = join(folder, 'by-openssl.sig');
    await run('openssl', [
      'pkeyutl',
      '-sign',
      '-rawin',
      '-inkey',
      keyFile,
      '-in',
      sums.path,
      '-out',
      byOpenssl,
    ]);
    expect(await readFile(`${sums.path}.sig`)).toEqual(await readFile(byOpenssl));
  });

  test('is made again for other checksums and by another key, and only then', async () => {
    await signWith(keyFile, await sumsOf('one'));
    expect(await signWith(keyFile, await sumsOf('one', false))).toMatchObject({ isNew: false });
    const first = await readFile(join(folder, 'SHA256SUMS.sig'));
    expect(await signWith(keyFile, await sumsOf('two'))).toMatchObject({ isNew: true });
    const second = await readFile(join(folder, 'SHA256SUMS.sig'));
    expect(second).not.toEqual(first);
    await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', keyFile]);
    expect(await signWith(keyFile, await sumsOf('two', false))).toMatchObject({ isNew: true });
    expect(await readFile(join(folder, 'SHA256SUMS.sig'))).not.toEqual(second);
  });

  test('of an earlier build stays while it fits, and goes with what it was for', async () => {
    const signature = join(folder, 'SHA256SUMS.sig');
    await signWith(keyFile, await sumsOf('one'));
    await signWith(undefined, await sumsOf('one', false));
    expect((await stat(signature)).size).toBe(64);
    await signWith(undefined, await sumsOf('two'));
    await expect(stat(signature)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a key that cannot sign', () => {
  /** What the build says, and how it ends; it says so before it makes anything. */
  async function buildWith(file: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const args = [join(ROOT, 'deploy/build/main.ts'), '--brief'];
    const env = { ...process.env, SIGNING_KEY_FILE: file };
    return run(process.execPath, args, { env }).then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  }

  test('that is not there', async () => {
    const { code, stdout, stderr } = await buildWith(join(folder, 'none.pem'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^build: SIGNING_KEY_FILE: \S+none\.pem cannot be read \(ENOENT\); openssl genpkey .*\n$/,
    );
  });

  test.each([
    ['of another kind', ['-algorithm', 'RSA'], /a key of the type rsa, and it has to be ed25519/],
    [
      'with a passphrase',
      ['-algorithm', 'ed25519', '-aes256', '-pass', 'pass:hunter2'],
      /or one with a passphrase/,
    ],
  ])('%s', async (_, args, words) => {
    await run('openssl', ['genpkey', ...args, '-out', keyFile]);
    await expect(readSigningKey(keyFile)).rejects.toThrow(words);
  });

  test.each([
    ['its public half', async () => (await run('openssl', ['pkey', '-in', keyFile, '-pubout'])).stdout],
    ['half of a file', async () => (await readFile(keyFile, 'utf8')).slice(0, 60)],
    ['nothing at all', async () => ''],
  ])('%s, and none of it is repeated', async (_, contentOf) => {
    const content = await contentOf();
    await writeFile(keyFile, content);
    const error: unknown = await readSigningKey(keyFile).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'signing_key_unusable' });
    const [, body = 'PRIVATE KEY'] = content.split('\n');
    expect(String(error)).not.toContain(body.slice(0, 12));
  });
});
