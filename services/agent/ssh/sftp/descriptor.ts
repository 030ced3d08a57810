// File descriptors as promises: reads and writes at a position, without the FileHandle objects of node:fs/promises.

import {
  close,
  fchmod,
  fchown,
  fstat,
  fsync,
  ftruncate,
  futimes,
  open,
  read,
  type Stats,
  write,
} from 'node:fs';
import { promisify } from 'node:util';
import { Refusal } from './refusal.ts';

export const openDescriptor: (path: Buffer, flags: number, mode: number) => Promise<number> = promisify(open);
export const closeDescriptor: (descriptor: number) => Promise<void> = promisify(close);
export const statDescriptor: (descriptor: number) => Promise<Stats> = promisify(fstat);
export const syncDescriptor: (descriptor: number) => Promise<void> = promisify(fsync);
export const truncateDescriptor: (descriptor: number, size: number) => Promise<void> = promisify(ftruncate);
export const chmodDescriptor: (descriptor: number, mode: number) => Promise<void> = promisify(fchmod);
export const chownDescriptor: (descriptor: number, uid: number, gid: number) => Promise<void> =
  promisify(fchown);
/** Times in seconds since the Unix epoch. */
export const setDescriptorTimes: (descriptor: number, access: number, modification: number) => Promise<void> =
  promisify(futimes);

/** Reads up to `length` bytes into `target` at `at`; 0 is the end of the file. */
export function readAt(
  descriptor: number,
  target: Buffer,
  at: number,
  length: number,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, target, at, length, position, (error, count) => {
      if (error) {
        reject(error);
      } else {
        resolve(count);
      }
    });
  });
}

/** Writes all of `data`; `position` null is where the descriptor itself is, which is what O_APPEND needs. */
export async function writeAllAt(descriptor: number, data: Buffer, position: number | null): Promise<void> {
  let written = 0;
  while (written < data.length) {
    const count = await writeAt(descriptor, data, written, position === null ? null : position + written);
    if (count === 0) {
      throw new Refusal('FAILURE', `only ${written} of ${data.length} bytes were written`);
    }
    written += count;
  }
}

function writeAt(descriptor: number, data: Buffer, from: number, position: number | null): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, data, from, data.length - from, position, (error, count) => {
      if (error) {
        reject(error);
      } else {
        resolve(count);
      }
    });
  });
}
