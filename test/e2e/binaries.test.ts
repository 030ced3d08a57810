// The binaries in a minimal Debian 12 without Node: what a job's image may be.
import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILT_PROGRAMS, DIST, PLATFORM } from '../../deploy/build/source-tree.ts';
import { type MinimalRoot, openMinimalRoot } from '../support/machine/minimal-root.ts';

const binaries = BUILT_PROGRAMS.map(({ name }) => join(DIST, 'bin', `${name}-${PLATFORM}`));

let root: MinimalRoot;
let version: string;

beforeAll(async () => {
  root = await openMinimalRoot();
  ({ version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string });
});

afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

describe('the minimal root', () => {
  test('has neither node nor g++', async () => {
    const { code } = await root.run(['sh', '-c', 'command -v node || command -v g++']);
    expect(code).not.toBe(0);
  });

  test('forgets what a test put into it, and its mounts', async () => {
    const other = await openMinimalRoot();
    const path = await other.put('package.json');
    await other.run(['cat', path]);
    await other[Symbol.asyncDispose]();
    await expect(access(root.outside(path))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(root.outside('/proc'));
  });
});

describe.for(binaries)('%s', (file) => {
  const name = basename(file, `-${PLATFORM}`);
  let program: string;

  beforeAll(async () => {
    program = await root.put(file);
  });

  test('prints its version', async () => {
    const { code, stdout, stderr } = await root.run([program, '--version']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(version);
  });

  test('prints its help', async () => {
    const { code, stdout, stderr } = await root.run([program, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^usage: ${name} `, 'm'));
  });

  test('answers bad arguments with plain words on stderr and exit code 2', async () => {
    const { code, stdout, stderr } = await root.run([program, '--no-such-option']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^(${name}: .+\n)+$`));
    expect(stderr).toContain('--no-such-option');
  });

  test('keeps the NODE_OPTIONS of the job out of itself', async () => {
    const child = root.start([program, '--version'], { NODE_OPTIONS: '--require /nothing.js' });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(0);
  });

  test('starts where the Node of the job is to use proxies, and one is named without a scheme', async () => {
    const child = root.start([program, '--version'], {
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: '192.0.2.1:3128',
      HTTPS_PROXY: 'proxy:3128',
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(code).toBe(0);
  });

  test('matches its line in SHA256SUMS', async () => {
    const sums = await readFile(join(DIST, 'bin/SHA256SUMS'), 'utf8');
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    expect(sums).toContain(`${digest}  ${basename(file)}\n`);
  });
});
