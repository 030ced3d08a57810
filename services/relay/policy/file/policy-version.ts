// One version of the policy file: what it says, and the hash by which it is told from others.
import { createHash } from 'node:crypto';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { faultText } from '#shared/text/fault-text.ts';
import type { Policy } from '../policy.ts';
import { faultLine } from './policy-fault.ts';
import { MAX_POLICY_BYTES, type ReadPolicyOptions, readPolicy } from './read-policy.ts';

/** One that can be in force. */
export interface GoodVersion {
  readonly kind: 'good';
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly policy: Policy;
  /** `FILE:LINE: …`, what is odd and counts all the same. */
  readonly warnings: readonly string[];
}

export type PolicyVersion =
  | GoodVersion
  /** `faults`: all of them, `FILE:LINE: …`; without a line where the file cannot be read. */
  | { readonly kind: 'bad'; readonly sha256: string; readonly faults: readonly string[] };

/** Reads the file at `path`. Never throws. */
export function loadPolicySync(path: string, options: ReadPolicyOptions): PolicyVersion {
  try {
    return sizeFault(path, statSync(path)) ?? versionOf(path, readFileSync(path), options);
  } catch (error) {
    return unreadable(path, faultText(error));
  }
}

/** The same. Never rejects. */
export async function loadPolicy(path: string, options: ReadPolicyOptions): Promise<PolicyVersion> {
  try {
    return sizeFault(path, await stat(path)) ?? versionOf(path, await readFile(path), options);
  } catch (error) {
    return unreadable(path, faultText(error));
  }
}

/** The hash that its version would have, at a fraction of what that costs. Never rejects. */
export async function hashPolicy(path: string): Promise<string> {
  try {
    return sizeFault(path, await stat(path))?.sha256 ?? hashOf(await readFile(path));
  } catch (error) {
    return unreadable(path, faultText(error)).sha256;
  }
}

function versionOf(path: string, file: Buffer, options: ReadPolicyOptions): PolicyVersion {
  const sha256 = hashOf(file);
  const reading = readPolicy(file, options);
  const linesOf = (faults: Parameters<typeof faultLine>[1][]): string[] =>
    faults.map((fault) => faultLine(path, fault));
  if (reading.kind === 'faulty') return { kind: 'bad', sha256, faults: linesOf([...reading.faults]) };
  return { kind: 'good', path, sha256, policy: reading.policy, warnings: linesOf([...reading.warnings]) };
}

/** A pipe would never end, and what is far too big is not read to say so. */
function sizeFault(path: string, stats: Stats): PolicyVersion | undefined {
  const { size } = stats;
  if (!stats.isFile()) return unreadable(path, 'it is no plain file');
  return size > MAX_POLICY_BYTES
    ? unreadable(path, `it has ${size} bytes, and ${MAX_POLICY_BYTES} are read`)
    : undefined;
}

function unreadable(path: string, reason: string): PolicyVersion {
  return { kind: 'bad', sha256: hashOf(Buffer.from(reason)), faults: [`${path} cannot be read: ${reason}`] };
}

function hashOf(file: Buffer): string {
  return createHash('sha256').update(file).digest('hex');
}
