// An agent of Windows in a job of its own, as far as Wine is Windows: the bundle of the agent in Windows' own Node 22.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchNpmArchive } from '../../../deploy/build/npm-archive.ts';
import { FOREIGN_PLATFORMS } from '../../../deploy/build/platform.ts';
import { WORKSHOP } from '../../../deploy/build/source-tree.ts';
import { type Wine, windowsPath } from '../machine/wine.ts';
import { type E2eAgent, readCard } from './job.ts';
import type { World } from './world.ts';

/** No single executable, so that what it carries inside comes from files beside this. */
const ASSETS = `
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
require('node:sea').getRawAsset = (name) => new Uint8Array(readFileSync(join(process.env.ASSETS, name))).buffer;
`;

export interface WindowsJobOptions {
  readonly args: readonly string[];
  /** cmd by default: Wine's PowerShell does nothing. */
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly held?: boolean;
}

/** The words in front of those of a bundle that is to be run with the addon of Windows' terminals; and its environment. */
export async function windowsNode(
  world: World,
  { env }: Wine,
): Promise<{ words: string[]; env: Record<string, string> }> {
  const terminal = FOREIGN_PLATFORMS.find(({ name }) => name === 'windows-x64')?.terminal;
  if (terminal === undefined) throw new Error('nothing opens terminals on Windows');
  const preload = join(await world.makeFolder('assets'), 'assets.cjs');
  await writeFile(preload, ASSETS);
  const assets = windowsPath(await fetchNpmArchive(terminal, terminal.files));
  return { words: ['--require', windowsPath(preload)], env: { ...env, ASSETS: assets } };
}

/**
 * Starts one and waits for its card. It leaves on `converge end`, at its end, or
 * with the whole Windows; a signal does not reach it.
 */
export async function startWindowsAgent(
  world: World,
  wine: Wine,
  { args, shell = 'cmd', env = {}, held = false }: WindowsJobOptions,
): Promise<E2eAgent> {
  const job = await world.makeFolder('job');
  if (held) await writeFile(join(job, '.hold'), '');
  const id = job.slice(job.lastIndexOf('/') + 1);
  const node = await windowsNode(world, wine);
  const bundle = windowsPath(join(WORKSHOP, 'agent.cjs'));
  const url = `${world.relay.wsUrl}/agent/${id}`;
  const said = join(await world.makeFolder('said'), 'output');
  const words = [...node.words, bundle, '--shell', shell, ...args, url];
  const started = world.start(`agent ${id}`, wine.nodeCommand(said, ...words), {
    cwd: job,
    env: { ...node.env, ...env },
  });
  return { id, process: started, job, card: await readCard(started) };
}
