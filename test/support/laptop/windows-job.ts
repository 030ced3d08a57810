// An agent of Windows in a job of its own, as far as Wine is Windows: one executable with the agent in Windows' own Node 22.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../deploy/build/command.ts';
import { FOREIGN_SETTINGS } from '../../../deploy/build/foreign-binary.ts';
import { fetchNpmArchive } from '../../../deploy/build/npm-archive.ts';
import { removeCertificates } from '../../../deploy/build/pe/certificate-removal.ts';
import { FOREIGN_PLATFORMS } from '../../../deploy/build/platform.ts';
import { injectBlob } from '../../../deploy/build/sea-binary.ts';
import { WORKSHOP } from '../../../deploy/build/source-tree.ts';
import { holdFolder } from '../machine/held-folder.ts';
import { findNode } from '../machine/other-nodes.ts';
import type { Wine } from '../machine/wine.ts';
import { type E2eAgent, readCard } from './job.ts';
import type { World } from './world.ts';

/** Of the Node that runs under Wine. */
const NODE_MAJOR = '22';

/** The agent as a single executable with what opens terminals inside, as the build makes it but for the version of Node. */
export async function makeWindowsAgent(world: World, wine: Wine): Promise<string> {
  const terminal = FOREIGN_PLATFORMS.find((platform) => platform.name === 'windows-x64')?.terminal;
  if (terminal === undefined) throw new Error('nothing opens terminals on Windows');
  const maker = await findNode(NODE_MAJOR);
  if (maker.kind === 'absent') throw new Error(maker.reason);
  const source = await fetchNpmArchive(terminal, terminal.files);
  const assets = Object.fromEntries(terminal.files.map((file) => [file, join(source, file)]));
  const folder = await world.makeFolder('program');
  const [program, blob, config] = ['exe', 'blob', 'json'].map((kind) => join(folder, `agent.${kind}`)) as [
    string,
    string,
    string,
  ];
  const main = join(WORKSHOP, 'agent.cjs');
  await writeFile(config, JSON.stringify({ ...FOREIGN_SETTINGS, assets, main, output: blob }));
  await runCommand(maker.path, ['--experimental-sea-config', config]);
  await writeFile(program, removeCertificates(await readFile(wine.node)));
  await injectBlob(program, blob);
  await chmod(program, 0o755);
  return program;
}

export interface WindowsJobOptions {
  /** The file of the agent. */
  readonly program: string;
  readonly args: readonly string[];
  /** cmd by default: Wine's PowerShell does nothing. */
  readonly shell?: string;
  readonly held?: boolean;
}

/**
 * Starts one and waits for its card. It leaves on `converge end`, at its end, or with the whole Windows; a signal does not
 * reach it.
 */
export async function startWindowsAgent(
  world: World,
  wine: Wine,
  { program, args, shell = 'cmd', held = false }: WindowsJobOptions,
): Promise<E2eAgent> {
  const job = await world.makeFolder('job');
  if (held) await holdFolder(job);
  const id = job.slice(job.lastIndexOf('/') + 1);
  const words = ['--shell', shell, ...args, `${world.relay.wsUrl}/agent/${id}`];
  const said = join(await world.makeFolder('said'), 'output');
  const { env } = wine;
  const started = world.start(`agent ${id}`, wine.command(said, program, ...words), { cwd: job, env });
  return { id, process: started, job, card: await readCard(started) };
}
