// The run folder: what one background agent leaves for those who ask for it: its log, its socket, and how it ended.
import { once } from 'node:events';
import {
  closeSync,
  constants,
  fchmodSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { faultText } from '#shared/text/fault-text.ts';
import { type JsonRecord, parseRecord, recordOf } from '#shared/text/json-record.ts';
import { isFailureCode } from '../converge-command/request.ts';
import type { JobVerdict } from '../expiry/agent-end.ts';
import type { CommandPlace } from '../platform/command-place.ts';
import { openStateFolder } from './state-folder.ts';

const PREFIX = 'run-';
/** As mkdtemp makes them. */
const RUN_NAME = /^run-[A-Za-z0-9]{6}$/;

/** More than is written there: a folder without room for it is no place. */
const PROBE_BYTES = 16_384;

/** What is in the folder of that path. */
export interface RunFiles {
  readonly log: string;
  readonly end: string;
}

export function runFilesIn(folder: string): RunFiles {
  return { log: join(folder, 'log'), end: join(folder, 'end.json') };
}

/** Whether it is the name of such a folder. */
export function isRunName(name: string): boolean {
  return RUN_NAME.test(name);
}

export type RunFolder =
  /** `log` is open for writing at its end. */
  | { readonly kind: 'made'; readonly state: string; readonly path: string; readonly log: number }
  /** `detail` says what is wrong with each. */
  | { readonly kind: 'none'; readonly detail: string };

/** Makes one in the first state folder that has room for files and takes a socket. Never throws. */
export async function makeRunFolder(
  states: readonly string[],
  uid: number | undefined,
  place: CommandPlace,
): Promise<RunFolder> {
  const faults: string[] = [];
  for (const state of states) {
    try {
      const unfit = place.unfitness(state);
      if (unfit !== undefined) throw new Error(unfit);
      openStateFolder(state, uid);
      return await makeIn(state, place);
    } catch (error) {
      faults.push(`${state}: ${faultText(error)}`);
    }
  }
  return { kind: 'none', detail: faults.join('; ') };
}

async function makeIn(state: string, place: CommandPlace): Promise<RunFolder> {
  const path = mkdtempSync(join(state, PREFIX));
  try {
    const { log, end } = runFilesIn(path);
    const probe = Buffer.alloc(PROBE_BYTES, 'x');
    writeFileSync(end, probe);
    // Not every file system says that it is full.
    if (!readFileSync(end).equals(probe)) throw new Error('there is no room in it');
    rmSync(end);
    await trySocket(place.socketFor(path));
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
    const file = openSync(log, flags, 0o600);
    fchmodSync(file, 0o600);
    return { kind: 'made', state, path, log: file };
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

async function trySocket(address: string): Promise<void> {
  const probe = createServer().listen(address);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}

/** Removes one that nobody uses. */
export function discardRunFolder({ path, log }: Extract<RunFolder, { kind: 'made' }>): void {
  closeSync(log);
  rmSync(path, { recursive: true, force: true });
}

/** How an agent ended, for those who come later. */
export interface EndRecord {
  readonly code: number;
  readonly verdict: JobVerdict;
}

/** Whole or not at all. @throws Error what the file system says */
export function writeEndRecord(folder: string, record: EndRecord): void {
  const { end } = runFilesIn(folder);
  writeFileSync(`${end}.part`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${end}.part`, end);
}

/** Undefined: it has not ended, or not by itself. */
export function readEndRecord(folder: string): EndRecord | undefined {
  const { code, verdict } = parseRecord(textOf(runFilesIn(folder).end)) ?? {};
  const read = verdictFrom(recordOf(verdict));
  return typeof code === 'number' && read !== undefined ? { code, verdict: read } : undefined;
}

function verdictFrom({ kind, exitCode }: JsonRecord = {}): JobVerdict | undefined {
  if (kind === 'none' || kind === 'continue') return { kind };
  return kind === 'fail' && isFailureCode(exitCode) ? { kind, exitCode } : undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
