// The agent as it is on macOS, made for this machine: the same bundle and the same way to a terminal, as one executable of Node 26.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREIGN_SETTINGS } from '../../deploy/build/foreign-binary.ts';
import { fetchNpmFile } from '../../deploy/build/npm-archive.ts';
import { findMaker } from '../../deploy/build/platform.ts';
import { WORKSHOP } from '../../deploy/build/source-tree.ts';
import { madeTerminalFiles } from '../support/agent/terminal-files.ts';
import { runWholeSession } from '../support/laptop/whole-session.ts';

/** As the bundler leaves the choice of the platform. */
const CHOICE = 'process.platform === "darwin" ? macosPlatform()';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'converge-macos-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** With these files inside of it, by the names under which it looks for them. */
async function makeAgent(name: string, assets: Readonly<Record<string, string>>): Promise<string> {
  const maker = findMaker('an agent of macOS');
  const node = await fetchNpmFile(maker, maker.program);
  const bundle = await readFile(join(WORKSHOP, 'agent.cjs'), 'utf8');
  expect(bundle.split(CHOICE)).toHaveLength(2);
  const [main, config, output] = ['cjs', 'json', 'agent'].map((kind) => join(folder, `${name}.${kind}`));
  await writeFile(main as string, bundle.replace(CHOICE, 'true ? macosPlatform()'));
  const settings = { ...FOREIGN_SETTINGS, assets, main, output, executable: node };
  await writeFile(config as string, JSON.stringify(settings));
  await promisify(execFile)(node, ['--build-sea', config as string]);
  return output as string;
}

test('carries a whole session, and leaves nothing behind', async () => {
  const terminal = await madeTerminalFiles();
  if (terminal.kind === 'none') throw new Error(terminal.detail);
  const { addon, helper } = terminal.files;
  const AGENT = await makeAgent('whole', { 'pty.node': addon, 'spawn-helper': helper });
  const TMPDIR = join(folder, 'tmp');
  await mkdir(TMPDIR);
  const { code, stdout, stderr } = await runWholeSession({ AGENT, TMPDIR });
  expect(stderr).toBe('');
  expect(stdout).toContain('ok  a program on a terminal reads keys and Ctrl-C, and its exit code arrives\n');
  expect(code).toBe(0);
  expect((await readdir(TMPDIR)).filter((name) => name.startsWith('converge-pty-'))).toEqual([]);
});

test('says why there is no terminal where it carries nothing that opens one', async () => {
  const AGENT = await makeAgent('empty', {});
  const { code, stderr } = await runWholeSession({ AGENT, STEP_TIMEOUT_MS: '10000' });
  expect(stderr).toContain('cannot open a terminal for ');
  expect(stderr).toContain('no folder takes what opens it: ');
  expect(code).toBe(1);
});
