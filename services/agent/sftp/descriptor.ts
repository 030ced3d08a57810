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
import { MAX_OFFSET } from './limits.ts';
import { StatusRefusal } from './refusal.ts';

/** What the system takes as a size is signed, with 64 bits. */
const SYSTEM_RANGE = 2 ** 63;

export const openDescriptor: (path: Buffer, flags: number, mode: number) => Promise<number> = promisify(open);
export const closeDescriptor: (descriptor: number) => Promise<void> = promisify(close);
export const statDescriptor: (descriptor: number) => Promise<Stats> = promisify(fstat);
export const syncDescriptor: (descriptor: number) => Promise<void> = promisify(fsync);
export const chmodDescriptor: (descriptor: number, mode: number) => Promise<void> = promisify(fchmod);
export const chownDescriptor: (descriptor: number, uid: number, gid: number) => Promise<void> =
  promisify(fchown);
const truncateOpen: (descriptor: number, size: number) => Promise<void> = promisify(ftruncate);
/** Times in seconds since the Unix epoch. */
export const setDescriptorTimes: (descriptor: number, access: number, modification: number) => Promise<void> =
  promisify(futimes);

/** Throws a StatusRefusal for a size beyond MAX_OFFSET, with the code that OpenSSH's server gives. */
export async function truncateDescriptor(descriptor: number, size: number): Promise<void> {
  requireSize(size);
  await truncateOpen(descriptor, size);
}

/** Throws the StatusRefusal that OpenSSH's server gives for a size that no file has: too large, or negative to the system. */
export function requireSize(size: number): void {
  if (size > MAX_OFFSET) {
    throw new StatusRefusal(
      size < SYSTEM_RANGE ? 'FAILURE' : 'BAD_MESSAGE',
      `${size} is larger than any file`,
    );
  }
}

function requireOffset(offset: number): void {
  if (offset > MAX_OFFSET) {
    throw new StatusRefusal(
      'BAD_MESSAGE',
      `offset ${offset} is beyond the largest that is served, ${MAX_OFFSET}`,
    );
  }
}

/** Reads up to `length` bytes into `target` at `at`; 0 is the end of the file. Throws a StatusRefusal beyond MAX_OFFSET. */
export async function readAt(
  descriptor: number,
  target: Buffer,
  at: number,
  length: number,
  position: number,
): Promise<number> {
  requireOffset(position);
  return await new Promise((resolve, reject) => {
    read(descriptor, target, at, length, position, (error, count) => {
      if (error) {
        reject(error);
      } else {
        resolve(count);
      }
    });
  });
}

/**
 * Writes all of `data`; `position` null is where the descriptor itself is, which is what O_APPEND needs. Throws a StatusRefusal
 * beyond MAX_OFFSET.
 */
export async function writeAllAt(descriptor: number, data: Buffer, position: number | null): Promise<void> {
  requireOffset(position ?? 0);
  let written = 0;
  while (written < data.length) {
    const count = await writeAt(descriptor, data, written, position === null ? null : position + written);
    if (count === 0) {
      throw new StatusRefusal('FAILURE', `only ${written} of ${data.length} bytes were written`);
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
