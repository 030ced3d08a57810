// The source tree: where the build finds its inputs and leaves its outputs.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder, absolute, without a slash at the end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** What people and the relay use: `relay/main.js`, `bin/`, `native/`. */
export const DIST = join(ROOT, 'dist');

/** What only the next build uses: bundles, blobs, the stripped Node, stamps. Removing it costs time and nothing else. */
export const WORKSHOP = join(DIST, 'work');

/** The machine's own platform as file names carry it, such as `linux-x64`: what there is an agent for. Others: platform.ts. */
export const PLATFORM = `${process.platform}-${process.arch}`;

/** One program that becomes a binary: its entry file, and the native addons that travel inside it. */
export interface BuiltProgram {
  readonly name: string;
  readonly entry: string;
  readonly addons: readonly AddonName[];
}

/** The names under which programs ask for their addons (services/shared/machine/native-addon.ts). */
export type AddonName = 'process' | 'sshcrypto' | 'pipesize';

/** An addon that is compiled: those of the programs, and the relay's. */
export type CompiledAddon = AddonName | 'pump';

export const BUILT_PROGRAMS: readonly BuiltProgram[] = [
  { name: 'agent', entry: 'services/agent/main.ts', addons: ['process', 'sshcrypto'] },
  { name: 'wsproxy', entry: 'services/clients/wsproxy/main.ts', addons: ['pipesize'] },
  { name: 'tcptows', entry: 'services/clients/tcptows/main.ts', addons: [] },
];

/** Whether it is for laptops, and not for the job. */
export function isClient({ entry }: BuiltProgram): boolean {
  return entry.startsWith('services/clients/');
}

/** wsproxy for every Node from 20 on. */
export const SCRIPT_NAME = 'wsproxy.mjs';

/** The two scripts of the terminal page: the connection, and the terminals. */
export const PAGE_ENTRY = 'services/clients/browser/page/main.ts';
export const SCREEN_ENTRY = 'services/clients/browser/page/terminal/screen-library.ts';

export const RELAY_ENTRY = 'services/relay/main.ts';

export const SESSION_CHECK_ENTRY = 'deploy/session-check/main.ts';
