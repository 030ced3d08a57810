// The pipe size: room between wsproxy and ssh, so that neither waits for the other at every packet.
import { loadNativeAddon } from '#shared/machine/native-addon.ts';

/**
 * What a pipe holds, in bytes: the most that the kernel gives to everybody (pipe(7), pipe-max-size). With the usual
 * 64 KiB ssh and wsproxy wake each other for every two packets: a third of what wsproxy costs in a download.
 */
export const PIPE_BYTES = 1024 * 1024;

interface PipeSizeAddon {
  setPipeSize(fd: number, bytes: number): number;
}

/** Makes the pipe `fd` hold PIPE_BYTES. False where that cannot be: it is not a pipe, or the machine is not generous. */
export function widenPipe(fd: number): boolean {
  try {
    const addon = loadNativeAddon('pipesize') as PipeSizeAddon | undefined;
    return addon !== undefined && addon.setPipeSize(fd, PIPE_BYTES) >= PIPE_BYTES;
  } catch {
    // No folder takes a library (see native-addon.ts): it works without, a little slower.
    return false;
  }
}
