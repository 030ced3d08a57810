// The log output: a reader that stops holds nobody up, takes no more memory than named, and is not waited for at the end.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  LAST_LINES_WITHIN_MS,
  LogOutput,
  MAX_LOG_BACKLOG_BYTES,
  RETRY_AFTER_MS,
} from '../../../../services/relay/log/log-output.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';
import { until } from '../../../support/time/poll.ts';

const LINE_BYTES = 1024;
/** More than the backlog and a pipe hold together. */
const LINES = (2 * MAX_LOG_BACKLOG_BYTES) / LINE_BYTES;

let folder: string;
let path: string;
let fds: number[];
let clock: ManualClock;
let output: LogOutput;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'converge-log-'));
  path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  // A pipe opens for writing when somebody reads it.
  fds = [open(constants.O_RDONLY)];
  fds.push(open(constants.O_WRONLY));
  clock = new ManualClock();
  output = new LogOutput(fds[1] ?? 0, clock);
});

afterEach(() => {
  for (const fd of fds) closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** As the standard output of a relay is: what would wait fails instead. */
function open(mode: number): number {
  return openSync(path, mode | constants.O_NONBLOCK);
}

function leaveReader(): void {
  closeSync(fds.shift() ?? 0);
}

function returnReader(): void {
  fds.unshift(open(constants.O_RDONLY));
}

function lineOf(number: number): string {
  return `${String(number).padEnd(LINE_BYTES - 1, '.')}\n`;
}

/** What the pipe holds at the moment. */
function readPipe(): string {
  const buffer = Buffer.alloc(MAX_LOG_BACKLOG_BYTES);
  try {
    return buffer.toString('latin1', 0, readSync(fds[0] ?? 0, buffer));
  } catch {
    return '';
  }
}

/** Reads until that many bytes have come; a writer that was told to wait tries again meanwhile. */
async function readBytes(count: number): Promise<string> {
  let text = '';
  await until(`${count} bytes have come`, () => {
    text += readPipe();
    clock.advance(RETRY_AFTER_MS);
    return text.length >= count;
  });
  return text;
}

function writeLines(from: number, to: number): void {
  for (let number = from; number < to; number += 1) output.write(lineOf(number));
}

function linesOf(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => lineOf(from + index)).join('');
}

test('lines beyond the backlog are dropped and counted, and the others arrive whole and in order', async () => {
  writeLines(0, LINES);
  const kept = MAX_LOG_BACKLOG_BYTES / LINE_BYTES;
  expect(output.dropped).toBe(LINES - kept);
  expect(await readBytes(MAX_LOG_BACKLOG_BYTES)).toBe(linesOf(0, kept));
  output.write(lineOf(LINES));
  expect(await readBytes(LINE_BYTES)).toBe(lineOf(LINES));
});

test('the end waits for the last lines', async () => {
  writeLines(0, 3);
  await output.close();
  expect(readPipe()).toBe(linesOf(0, 3));
  expect(clock.pending).toBe(0);
});

test('the end does not wait where nothing is to be written, or for a reader that takes nothing', async () => {
  await output.close();
  const stuck = new LogOutput(fds[1] ?? 0, clock);
  for (let number = 0; number < LINES; number += 1) stuck.write(lineOf(number));
  const closed = stuck.close();
  expect(stuck.close()).toBe(closed);
  clock.advance(LAST_LINES_WITHIN_MS);
  await closed;
  await until('the pipe is full', () => clock.pending === 1);
});

test('what was written in the turn in which a process ends is flushed', () => {
  writeLines(0, 3);
  output.flush();
  expect(readPipe()).toBe(linesOf(0, 3));
  output.flush();
  expect(readPipe()).toBe('');
});

test('a reader that is gone is no fault of the relay, and one that comes back gets what waited and what follows', async () => {
  leaveReader();
  writeLines(0, LINES);
  await until('the write has failed', () => clock.pending === 1);
  clock.advance(RETRY_AFTER_MS);
  await until('and has failed again', () => clock.pending === 1);
  output.flush();
  returnReader();
  const kept = MAX_LOG_BACKLOG_BYTES / LINE_BYTES;
  expect(await readBytes(MAX_LOG_BACKLOG_BYTES)).toBe(linesOf(0, kept));
  output.write(lineOf(LINES));
  expect(await readBytes(LINE_BYTES)).toBe(lineOf(LINES));
});
