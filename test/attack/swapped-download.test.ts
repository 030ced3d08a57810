// The operator of a relay, or who broke into it; he wants people to run an agent of his, and serves SHA256SUMS to match.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSigningKey, signChecksums } from '../../deploy/build/signature.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { type RunningRelay, startRelay } from '../support/relay.ts';

const run = promisify(execFile);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let honest: RunningRelay;
let lying: RunningRelay;

/** A folder of downloads with an agent that says `word`, and a list that fits it. */
async function buildDownloads(name: string, word: string): Promise<string> {
  const downloads = await mkdtemp(join(folder, `${name}-`));
  const program = `#!/bin/sh\necho "${word}"\n`;
  await writeFile(join(downloads, 'agent-linux-x64'), program);
  const digest = createHash('sha256').update(program).digest('hex');
  await writeFile(join(downloads, 'SHA256SUMS'), `${digest}  agent-linux-x64\n`);
  return downloads;
}

/** What sh makes of `script` in an empty folder, where the public key of the builder is, got long ago by another way. */
async function runScript(script: string): Promise<Outcome> {
  const cwd = await mkdtemp(join(folder, 'job-'));
  await writeFile(join(cwd, 'converge.pub.pem'), await readFile(join(folder, 'converge.pub.pem')));
  return run('sh', ['-c', script], { cwd, env: { PATH: process.env['PATH'], HOME: cwd } }).then(
    (output) => ({ code: 0, ...output }),
    (error: Outcome) => error,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-swapped-'));
  const keyFile = join(folder, 'signing.pem');
  await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', keyFile]);
  await run('openssl', ['pkey', '-in', keyFile, '-pubout', '-out', join(folder, 'converge.pub.pem')]);
  const downloads = await buildDownloads('honest', 'the true agent');
  const sums = { path: join(downloads, 'SHA256SUMS'), key: '', isNew: true };
  await signChecksums(sums, await readSigningKey(keyFile), join(folder, 'stamps'));
  honest = await startRelay({ downloads });
  const swapped = await buildDownloads('lying', 'the agent of a stranger');
  // All that he has: the signature of what was there before.
  await writeFile(join(swapped, 'SHA256SUMS.sig'), await readFile(`${sums.path}.sig`));
  lying = await startRelay({ downloads: swapped });
});
afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await lying[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('the lines of deploy/README.md that check a download', () => {
  /** As printed there, for that relay. */
  async function linesFor(relay: RunningRelay): Promise<string> {
    const text = await readFile(join(ROOT, 'deploy/README.md'), 'utf8');
    const [, lines = ''] = /```sh\n(curl [^`]*openssl pkeyutl -verify[^`]*)```/.exec(text) ?? [];
    expect(lines).toContain('https://RELAY/docs/');
    return `set -e\n${lines.replaceAll('https://RELAY', `http://127.0.0.1:${relay.port}`)}`;
  }

  test('find the true one to be signed', async () => {
    const { code, stdout } = await runScript(await linesFor(honest));
    expect(code).toBe(0);
    expect(stdout).toContain('Signature Verified Successfully');
    expect(stdout).toContain('agent-linux-x64: OK');
  });

  test('refuse another, though the list beside it fits', async () => {
    const { code, stdout, stderr } = await runScript(await linesFor(lying));
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain('Signature Verification Failure');
    expect(stdout).not.toContain('OK');
  });
});
