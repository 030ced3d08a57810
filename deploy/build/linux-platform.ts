// The Linux platforms: what a program for each is made with, on whichever of the two the build runs.
import { BuildError } from './build-error.ts';
import { PLATFORM } from './source-tree.ts';

export interface LinuxPlatform {
  readonly name: string;
  readonly format: 'elf';
  /** As Debian calls it, for its packages and its mirrors. */
  readonly debian: string;
  /** As GNU's tools call it, and Debian the folders of its libraries. */
  readonly triplet: string;
  /** As Node is linked to it. */
  readonly loader: string;
}

export const LINUX_PLATFORMS: readonly LinuxPlatform[] = [
  {
    name: 'linux-arm64',
    format: 'elf',
    debian: 'arm64',
    triplet: 'aarch64-linux-gnu',
    loader: 'ld-linux-aarch64.so.1',
  },
  {
    name: 'linux-x64',
    format: 'elf',
    debian: 'amd64',
    triplet: 'x86_64-linux-gnu',
    loader: 'ld-linux-x86-64.so.2',
  },
];

/** The platform of this machine. @throws BuildError `platform_unsupported` where it is none of them */
export function hostPlatform(): LinuxPlatform {
  const host = LINUX_PLATFORMS.find(isHost);
  if (host !== undefined) return host;
  const names = LINUX_PLATFORMS.map(({ name }) => name).join(' and ');
  throw new BuildError('platform_unsupported', `the build runs on ${names}, and this is ${PLATFORM}`);
}

/** Whether programs of `platform` run on this machine. */
export function isHost({ name }: LinuxPlatform): boolean {
  return name === PLATFORM;
}
