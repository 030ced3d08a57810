// The claim: which background agent has a name. One file for each, in the state folder; made whole, by one agent only.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { parseRecord } from '#shared/text/json-record.ts';
import type { Clock } from '#shared/time/clock.ts';
import { pause } from '#shared/time/pause.ts';
import { claimFileNameOf } from './job-name.ts';
import { isRunName } from './run-folder.ts';
import { isStateFolder } from './state-folder.ts';

/** The longest claim that is read, in bytes: ours have some hundreds. */
const MAX_CLAIM_BYTES = 16_384;
/** How often a name is asked for while another start clears away a dead claim of it, and how long after one another, in milliseconds. */
const ATTEMPTS = 250;
const RETRY_AFTER_MS = 20;
/** Looking whether somebody answers takes some milliseconds: a start that has not done it in this time was killed. */
const LOCK_STALE_MS = 3_000;
/** What was left behind without an agent goes after this long, in milliseconds. */
export const STATE_KEPT_MS = 86_400_000;

/** What is written of an agent under its name. */
export interface Claim {
  readonly name: string;
  /** What its job is called by its own variables, whatever the agent's name is. */
  readonly job: string;
  /** The name of its run folder, beside the claim. */
  readonly run: string;
  /** Where it answers. */
  readonly address: string;
  readonly pid: number;
  /** The words that start its program, as long as its state is there. */
  readonly program: readonly string[];
}

/** A claim that was found. */
export interface FoundClaim extends Claim {
  /** The state folder, and the run folder in it. */
  readonly state: string;
  readonly folder: string;
}

export type Claiming =
  | { readonly kind: 'claimed' }
  /** An agent of that name is alive. */
  | { readonly kind: 'taken'; readonly by: FoundClaim };

/** Claims the name for an agent that answers at the claim's address already. @throws Error what the file system says */
export async function claimName(state: string, claim: Claim, clock: Clock): Promise<Claiming> {
  const path = claimPath(state, claim.name);
  const part = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(part, JSON.stringify(claim), { mode: 0o600, flag: 'wx' });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (makesLink(part, path)) return { kind: 'claimed' };
      const by = readClaim(state, path);
      if (by !== undefined && (await answers(by.address))) return { kind: 'taken', by };
      await clearDead(state, path, clock);
    }
    throw new Error(`${path}: others take this name again and again`);
  } finally {
    rmSync(part, { force: true });
  }
}

/** Whole or not at all, and only if there is nothing. */
function makesLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** One at a time looks whether a claim is dead, and removes it then: the next one finds who has the name by now. */
async function clearDead(state: string, path: string, clock: Clock): Promise<void> {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (clock.wallTime() - since > LOCK_STALE_MS) rmSync(lock, { force: true });
    return pause(clock, RETRY_AFTER_MS);
  }
  try {
    const claim = readClaim(state, path);
    if (claim !== undefined && (await answers(claim.address))) return;
    if (claim !== undefined) rmSync(claim.folder, { recursive: true, force: true });
    rmSync(path, { force: true });
  } finally {
    rmSync(lock, { force: true });
  }
}

/** The claims of a name in these state folders: those that can be trusted, in order. Never throws. */
export function findClaims(
  states: readonly string[],
  uid: number | undefined,
  name: string,
): readonly FoundClaim[] {
  return states
    .filter((state) => isStateFolder(state, uid))
    .map((state) => readClaim(state, claimPath(state, name)))
    .filter((claim) => claim !== undefined)
    .filter((claim) => claim.name === name);
}

/** Whether somebody answers there: a pid could be another program's by now. */
export function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Removes what an agent left that has ended. What cannot be removed, as a program that runs on Windows, stays for `tidyState`. */
export function removeClaim({ state, name, run }: Pick<FoundClaim, 'state' | 'name' | 'run'>): void {
  const path = claimPath(state, name);
  if (readClaim(state, path)?.run === run) rmSync(path, { force: true });
  rmSync(join(state, run), { recursive: true, force: true });
}

/** Removes what dead agents left in a state folder a day ago. Never throws. */
export async function tidyState(state: string, now: number): Promise<void> {
  try {
    const entries = readdirSync(state);
    for (const entry of entries.filter((name) => /^[0-9a-f]{16}(\.(lock|[0-9a-f]{12}))?$/.test(name))) {
      const path = join(state, entry);
      if (now - statSync(path).mtimeMs < STATE_KEPT_MS) continue;
      const claim = readClaim(state, path);
      if (claim === undefined || !(await answers(claim.address))) rmSync(path, { force: true });
    }
    const used = new Set(entries.flatMap((name) => readClaim(state, join(state, name))?.run ?? []));
    for (const entry of entries.filter(isRunName)) {
      const path = join(state, entry);
      if (!used.has(entry) && now - statSync(path).mtimeMs >= STATE_KEPT_MS)
        rmSync(path, { recursive: true, force: true });
    }
  } catch {
    // Another start tidies as well, or the file system does not want it: no matter of this one.
  }
}

function claimPath(state: string, name: string): string {
  return join(state, claimFileNameOf(name));
}

/** Undefined: there is none, or it makes no sense. Never throws. */
function readClaim(state: string, path: string): FoundClaim | undefined {
  const fields = parseRecord(readSmall(path)) ?? {};
  const { name, job, run, address, pid, program } = fields;
  const isWhole =
    typeof name === 'string' &&
    typeof job === 'string' &&
    typeof run === 'string' &&
    typeof address === 'string' &&
    typeof pid === 'number' &&
    Array.isArray(program);
  if (!isWhole || !isRunName(run)) return undefined;
  return { name, job, run, address, pid, program: program.map(String), state, folder: join(state, run) };
}

/** A regular file of a few bytes, or nothing. */
function readSmall(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    if (!fstatSync(file).isFile()) return '';
    const bytes = Buffer.alloc(MAX_CLAIM_BYTES);
    return bytes.toString('utf8', 0, readSync(file, bytes));
  } catch {
    return '';
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
