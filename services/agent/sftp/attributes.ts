// File attributes: reading what a client asks to set, setting it, and writing what a file has.
import type { Stats } from 'node:fs';
import { MAX_OFFSET } from './limits.ts';
import type { FieldReader } from './packet-reader.ts';
import type { SftpPacketWriter } from './packet-writer.ts';
import { StatusRefusal } from './refusal.ts';

/** Which fields an ATTRS field has (draft-ietf-secsh-filexfer-02 section 5). */
const AttributeFlag = {
  SIZE: 0x00000001,
  UIDGID: 0x00000002,
  PERMISSIONS: 0x00000004,
  ACMODTIME: 0x00000008,
  EXTENDED: 0x80000000,
} as const;

const ALL_OF_A_FILE =
  AttributeFlag.SIZE | AttributeFlag.UIDGID | AttributeFlag.PERMISSIONS | AttributeFlag.ACMODTIME;

const PERMISSION_BITS = 0o7777;
const MAX_U32 = 0xffffffff;

/** What the system takes as a size is signed, with 64 bits. */
const SYSTEM_RANGE = 2 ** 63;

/** What a client asks to set; undefined is "leave as it is". */
export interface Attributes {
  /** Bytes. */
  readonly size: number | undefined;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Permission bits only: a type sent along with them is dropped. */
  readonly permissions: number | undefined;
  /** Seconds since the Unix epoch. */
  readonly times: { readonly access: number; readonly modification: number } | undefined;
}

/** How each attribute is set, on a path or on an open file. */
export interface AttributeSteps {
  size(bytes: number): Promise<void>;
  permissions(mode: number): Promise<void>;
  times(times: NonNullable<Attributes['times']>): Promise<void>;
  owner(owner: NonNullable<Attributes['owner']>): Promise<void>;
}

/** Reads an ATTRS field; throws a StatusRefusal where it is cut short. Extended pairs are skipped. */
export function readAttributes(fields: FieldReader): Attributes {
  const flags = fields.u32();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const attributes: Attributes = {
    size: has(AttributeFlag.SIZE) ? fields.u64() : undefined,
    owner: has(AttributeFlag.UIDGID) ? { uid: fields.u32(), gid: fields.u32() } : undefined,
    permissions: has(AttributeFlag.PERMISSIONS) ? fields.u32() & PERMISSION_BITS : undefined,
    times: has(AttributeFlag.ACMODTIME) ? { access: fields.u32(), modification: fields.u32() } : undefined,
  };
  if (has(AttributeFlag.EXTENDED)) {
    for (let pairs = fields.u32(); pairs > 0; pairs -= 1) {
      fields.string();
      fields.string();
    }
  }
  return attributes;
}

/**
 * Sets what `attributes` has, one system call each, in OpenSSH's order. A step that fails does not stop the others; the
 * last failure is thrown at the end.
 */
export async function applyEach(attributes: Attributes, steps: AttributeSteps): Promise<void> {
  const { size, permissions, times, owner } = attributes;
  const outcomes = [
    size === undefined ? undefined : await outcomeOf(steps.size(size)),
    permissions === undefined ? undefined : await outcomeOf(steps.permissions(permissions)),
    times === undefined ? undefined : await outcomeOf(steps.times(times)),
    owner === undefined ? undefined : await outcomeOf(steps.owner(owner)),
  ];
  const failure = outcomes.findLast((outcome) => outcome?.kind === 'failed');
  if (failure !== undefined) throw failure.error;
}

type StepOutcome = { readonly kind: 'set' } | { readonly kind: 'failed'; readonly error: unknown };

async function outcomeOf(step: Promise<void>): Promise<StepOutcome> {
  return step.then(
    () => ({ kind: 'set' }),
    (error: unknown) => ({ kind: 'failed', error }),
  );
}

/** Throws the StatusRefusal that OpenSSH's server gives for a size no file has: too large, or negative to the system. */
export function requireSize(size: number): void {
  if (size <= MAX_OFFSET) return;
  const code = size < SYSTEM_RANGE ? 'FAILURE' : 'BAD_MESSAGE';
  throw new StatusRefusal(code, `${size} is larger than any file`);
}

/** Writes the attributes of a file. */
export function writeStats(packet: SftpPacketWriter, stats: Stats): void {
  packet
    .u32(ALL_OF_A_FILE)
    .u64(stats.size)
    .u32(stats.uid)
    .u32(stats.gid)
    .u32(stats.mode)
    .u32(wireSecondsFrom(stats.atimeMs))
    .u32(wireSecondsFrom(stats.mtimeMs));
}

/** Version 3 has 32 bits of seconds: times before 1970 and after 2106 become the nearest it can say. */
function wireSecondsFrom(ms: number): number {
  return Math.min(Math.max(Math.floor(ms / 1000), 0), MAX_U32);
}
