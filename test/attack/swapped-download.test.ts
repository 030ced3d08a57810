// The operator of a relay, or whoever broke into it; they want people to run their agent, and serve SHA256SUMS to match.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSigningKey, signChecksums } from '../../deploy/build/signature.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';
import { downloadCommand } from '../../services/agent/notices/ssh-command.ts';
import { shellLinesOf } from '../support/clients/ci-script.ts';
import { type RunningRelay, startRelay } from '../support/relay/relay.ts';

const run = promisify(execFile);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const TRUE_WORD = 'the true agent';

let folder: string;
let honest: RunningRelay;
let lying: RunningRelay;

/** A folder of downloads with a program that says `word`, and a list that fits it. */
async function buildDownloads(name: string, word: string, program = 'agent'): Promise<string> {
  const downloads = await mkdtemp(join(folder, `${name}-`));
  await putProgram(downloads, word, program);
  return downloads;
}

async function putProgram(downloads: string, word: string, program: string): Promise<void> {
  const content = `#!/bin/sh\necho "${word}"\n`;
  await writeFile(join(downloads, `${program}-linux-x64`), content);
  const digest = createHash('sha256').update(content).digest('hex');
  await writeFile(join(downloads, 'SHA256SUMS'), `${digest}  ${program}-linux-x64\n`);
}

/** What the attacker does once they have the relay: it serves their program, and a list that fits that. */
async function swap(downloads: string, program = 'agent'): Promise<void> {
  await putProgram(downloads, 'the program of a stranger', program);
}

/** What a shell makes of `script`, by default in an empty folder. */
async function runScript(
  script: string,
  [shell = 'sh', ...options]: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Outcome> {
  const place = cwd ?? (await mkdtemp(join(folder, 'job-')));
  const surroundings = { cwd: place, env: { PATH: process.env['PATH'], HOME: place, ...env } };
  return run(shell, [...options, '-c', script], surroundings).then(
    (output) => ({ code: 0, ...output }),
    (error: Outcome) => error,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-swapped-'));
  const keyFile = join(folder, 'signing.pem');
  await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', keyFile]);
  await run('openssl', ['pkey', '-in', keyFile, '-pubout', '-out', join(folder, 'converge.pub.pem')]);
  const downloads = await buildDownloads('honest', TRUE_WORD);
  const sums = { path: join(downloads, 'SHA256SUMS'), key: '', isNew: true };
  await signChecksums(sums, await readSigningKey(keyFile), join(folder, 'stamps'));
  honest = await startRelay({ downloads });
  const swapped = await buildDownloads('lying', TRUE_WORD);
  await swap(swapped);
  // All that they have: the signature of what was there before.
  await writeFile(join(swapped, 'SHA256SUMS.sig'), await readFile(`${sums.path}.sig`));
  lying = await startRelay({ downloads: swapped });
});
afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await lying[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('a block of the usage page that is in a repository since before', () => {
  /** As curl prints it, without its margin. */
  async function blockOf(relay: RunningRelay, title: string): Promise<string> {
    const { stdout: page } = await run('curl', ['-fsS', `http://127.0.0.1:${relay.port}/`]);
    const lines = page.split('\n');
    const start = lines.indexOf(`  # ${title}`) + 1;
    expect(start, `"${title}" is on the page`).toBeGreaterThan(0);
    const end = lines.indexOf('', start);
    const block = lines.slice(start, end).map((line) => line.slice(2));
    return shellLinesOf(block.join('\n'));
  }

  const red = { CI_JOB_STATUS: 'failed', BUILDKITE_COMMAND_EXIT_STATUS: '1' };
  /** How each system starts a script, where it does not say so itself. */
  const systems = [
    ['GitHub Actions', ['bash', '-e']],
    ['GitLab CI', ['sh']],
    ['Jenkins', ['sh', '-xe']],
    ['CircleCI', ['bash', '-eo', 'pipefail']],
    ['Buildkite', ['sh']],
  ] as const;

  test.each(systems)(
    'for %s runs the agent that it was made for, and refuses another with words',
    async (title, shell) => {
      const downloads = await buildDownloads('taken-over', TRUE_WORD);
      await using relay = await startRelay({ downloads });
      const block = await blockOf(relay, title);
      expect(await runScript(block, shell, red)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/agent: OK\n(.*\n)*the true agent\n$/) as string,
      });
      await swap(downloads);
      const { code, stdout, stderr } = await runScript(block, shell, red);
      expect(code).not.toBe(0);
      expect(stdout).toContain('agent: FAILED');
      expect(stdout).toContain(
        `refused: this block pins another agent. Was the relay upgraded? Take it anew: http://127.0.0.1:${relay.port}/#ci`,
      );
      expect(stdout + stderr).not.toContain('stranger');
    },
  );

  test('is not stopped by what was left from before either', async () => {
    const downloads = await buildDownloads('taken-over', TRUE_WORD);
    await using relay = await startRelay({ downloads });
    const block = await blockOf(relay, 'Buildkite');
    // The same folder twice, as on a runner that keeps its workspace: the file is executable already.
    const cwd = await mkdtemp(join(folder, 'kept-'));
    expect((await runScript(block, ['sh'], red, cwd)).stdout).toContain(TRUE_WORD);
    await swap(downloads);
    const { code, stdout, stderr } = await runScript(block, ['sh'], red, cwd);
    expect(code).not.toBe(0);
    expect(stdout + stderr).not.toContain('stranger');
  });
});

describe('the line of the card that gets wsproxy', () => {
  test.each(['sh', 'bash'])(
    'takes, in %s, the one that was built with the agent, and refuses another',
    async (shell) => {
      const downloads = await buildDownloads('taken-over', TRUE_WORD, 'wsproxy');
      await using relay = await startRelay({ downloads });
      const sha256 = /^[0-9a-f]{64}/.exec(await readFile(join(downloads, 'SHA256SUMS'), 'utf8'))?.[0];
      const line = downloadCommand(`http://127.0.0.1:${relay.port}`, 'wsproxy', {
        name: 'wsproxy-linux-x64',
        ...(sha256 === undefined ? {} : { sha256 }),
      });
      const cwd = await mkdtemp(join(folder, 'laptop-'));
      const use = `${line}\n./wsproxy`;
      expect(await runScript(line, [shell], {}, cwd)).toMatchObject({ code: 0, stdout: 'wsproxy: OK\n' });
      await swap(downloads, 'wsproxy');
      const refused = await runScript(line, [shell], {}, cwd);
      expect(refused).toMatchObject({ code: 1, stdout: 'wsproxy: FAILED\n' });
      expect(refused.stderr).toContain('did NOT match');
      // Whoever pastes the next line of the card as well runs nothing of theirs.
      const { code, stdout, stderr } = await runScript(use, [shell], {}, cwd);
      expect(code).toBe(127);
      expect(stdout + stderr).not.toContain('stranger');
    },
  );
});

describe('the scripts that get the programs', () => {
  async function scriptFrom(relay: RunningRelay, name: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${relay.port}/docs/${name}`)).text();
  }

  test.each(['sh', 'bash'])(
    'run, in %s, what they were made for; a swapped one runs nowhere and is not kept',
    async (shell) => {
      const downloads = await buildDownloads('taken-over', TRUE_WORD);
      await using relay = await startRelay({ downloads });
      const script = await scriptFrom(relay, 'agent.sh');
      const temporary = await mkdtemp(join(folder, 'tmp-'));
      const env = { TMPDIR: temporary };
      expect(await runScript(script, [shell], env)).toMatchObject({ code: 0, stdout: `${TRUE_WORD}\n` });
      // What lies in the folder of downloads is another file now, as behind a cache or on another pod.
      await swap(downloads);
      const { code, stdout, stderr } = await runScript(script, [shell], env);
      expect(code).not.toBe(0);
      expect(stderr).toContain(
        `refused: http://127.0.0.1:${relay.port}/docs/agent-linux-x64 is another file`,
      );
      expect(stdout + stderr).not.toContain('stranger');
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  test('leave the clients of before where they are', async () => {
    const downloads = await buildDownloads('clients', TRUE_WORD, 'wsproxy');
    const [wsproxy] = (await readFile(join(downloads, 'SHA256SUMS'), 'utf8')).split('\n');
    await putProgram(downloads, TRUE_WORD, 'tcptows');
    await appendFile(join(downloads, 'SHA256SUMS'), `${wsproxy}\n`);
    await using relay = await startRelay({ downloads });
    const script = await scriptFrom(relay, 'client.sh');
    const cwd = await mkdtemp(join(folder, 'laptop-'));
    expect(await runScript(script, ['sh'], {}, cwd)).toMatchObject({ code: 0 });
    await swap(downloads, 'tcptows');
    expect((await runScript(script, ['sh'], {}, cwd)).code).not.toBe(0);
    expect(await runScript('./wsproxy && ./tcptows', ['sh'], {}, cwd)).toMatchObject({
      stdout: `${TRUE_WORD}\n${TRUE_WORD}\n`,
    });
    expect((await readdir(cwd)).sort()).toEqual(['tcptows', 'wsproxy']);
  });
});

describe('the lines of deploy/README.md that check a download', () => {
  /** As printed there, for that relay. */
  async function linesFor(relay: RunningRelay): Promise<string> {
    const text = await readFile(join(ROOT, 'deploy/README.md'), 'utf8');
    const [, lines = ''] = /```sh\n(curl [^`]*openssl pkeyutl -verify[^`]*)```/.exec(text) ?? [];
    expect(lines).toContain('https://RELAY/docs/');
    // Got long ago, by another way.
    const key = `cp ${join(folder, 'converge.pub.pem')} .`;
    return `set -e\n${key}\n${lines.replaceAll('https://RELAY', `http://127.0.0.1:${relay.port}`)}`;
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
