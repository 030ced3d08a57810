// The log output: a reader that stops holds nobody up, takes no more memory than named, and is not waited for at the end.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  LAST_LINES_WITHIN_MS,
  LOG_BACKLOG_BYTES,
  type LogOutput,
  openLogOutput,
} from '../../services/relay/log-output.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/poll.ts';

const LINE_BYTES = 1024;
/** More than the backlog and a pipe hold together. */
const LINES = (2 * LOG_BACKLOG_BYTES) / LINE_BYTES;

let folder: string;
let reader: number;
let clock: ManualClock;
let output: LogOutput;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'converge-log-'));
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  clock = new ManualClock();
  // Closed with the output.
  output = openLogOutput(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK), clock);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function lineOf(number: number): string {
  return `${String(number).padEnd(LINE_BYTES - 1, '.')}\n`;
}

/** What the pipe holds at the moment. */
function readPipe(): string {
  const buffer = Buffer.alloc(LOG_BACKLOG_BYTES);
  try {
    return buffer.toString('latin1', 0, readSync(reader, buffer));
  } catch {
    return '';
  }
}

test('lines beyond the backlog are dropped and counted, and the others arrive whole and in order', async () => {
  for (let number = 0; number < LINES; number += 1) output.stream.write(lineOf(number));
  const kept = LINES - output.dropped;
  expect(kept * LINE_BYTES).toBeLessThanOrEqual(LOG_BACKLOG_BYTES);
  expect(output.dropped).toBeLessThan(LINES);

  let text = '';
  await until('all that was kept has come', () => {
    text += readPipe();
    return text.length >= kept * LINE_BYTES;
  });
  expect(text).toBe(Array.from({ length: kept }, (_, number) => lineOf(number)).join(''));
  output.stream.write(lineOf(LINES));
  await until('the next line comes', () => readPipe() === lineOf(LINES));
  await output.close();
});

test('the end waits for the last lines', async () => {
  output.stream.write(lineOf(1));
  await output.close();
  expect(readPipe()).toBe(lineOf(1));
  expect(clock.pending).toBe(0);
});

test('the end does not wait for a reader that takes nothing', async () => {
  for (let number = 0; number < LINES; number += 1) output.stream.write(lineOf(number));
  const closed = output.close();
  expect(output.close()).toBe(closed);
  clock.advance(LAST_LINES_WITHIN_MS);
  await closed;
});

test('a reader that is gone is no fault of the relay', async () => {
  closeSync(reader);
  output.stream.write(lineOf(1));
  const closed = output.close();
  clock.advance(LAST_LINES_WITHIN_MS);
  await closed;
});
