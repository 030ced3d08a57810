// A walk through a Mach-O file by the test's own eyes: nothing of the build's reader is in it.
import { createHash } from 'node:crypto';

export interface Walk {
  /** `cmd` numbers, in their order. */
  readonly commands: readonly number[];
  /** By name: where in the file, how long, and the sections' names with their content. */
  readonly segments: ReadonlyMap<string, WalkedSegment>;
  /** LC_CODE_SIGNATURE's dataoff and datasize. */
  readonly signature: { readonly offset: number; readonly size: number } | undefined;
  /** dyld_chained_starts_in_image.seg_count, of LC_DYLD_CHAINED_FIXUPS. */
  readonly fixupSegments: number | undefined;
}

export interface WalkedSegment {
  readonly offset: number;
  readonly size: number;
  readonly memoryOffset: bigint;
  readonly memorySize: bigint;
  /** Those that the file has content for. */
  readonly sections: ReadonlyMap<string, Buffer>;
}

export function walkMachO(file: Buffer): Walk {
  const commands: number[] = [];
  const segments = new Map<string, WalkedSegment>();
  let signature: Walk['signature'];
  let fixupSegments: number | undefined;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const [type, size] = [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
    commands.push(type);
    if (type === 0x19) segments.set(text(file, at + 8), walkSegment(file, at));
    if (type === 0x1d) signature = { offset: file.readUInt32LE(at + 8), size: file.readUInt32LE(at + 12) };
    if (type === 0x8000_0034) {
      const fixups = file.readUInt32LE(at + 8);
      fixupSegments = file.readUInt32LE(fixups + file.readUInt32LE(fixups + 4));
    }
    at += size;
  }
  if (at !== 32 + file.readUInt32LE(20)) throw new Error(`the commands end at ${at}`);
  return { commands, segments, signature, fixupSegments };
}

function walkSegment(file: Buffer, at: number): WalkedSegment {
  const sections = new Map<string, Buffer>();
  for (let number = 0; number < file.readUInt32LE(at + 64); number += 1) {
    const section = at + 72 + number * 80;
    const offset = file.readUInt32LE(section + 48);
    // Only memory, which begins as zeros.
    if (offset === 0) continue;
    sections.set(
      text(file, section),
      file.subarray(offset, offset + Number(file.readBigUInt64LE(section + 40))),
    );
  }
  return {
    offset: Number(file.readBigUInt64LE(at + 40)),
    size: Number(file.readBigUInt64LE(at + 48)),
    memoryOffset: file.readBigUInt64LE(at + 24),
    memorySize: file.readBigUInt64LE(at + 32),
    sections,
  };
}

/** What is wrong with an ad-hoc signature, page for page, by arithmetic of its own; empty when nothing is. */
export function faultsOfSignature(file: Buffer): readonly string[] {
  const { signature } = walkMachO(file);
  if (signature === undefined) return ['there is none'];
  const blob = file.subarray(signature.offset, signature.offset + signature.size);
  if (blob.readUInt32BE(0) !== 0xfade0cc0) return ['no super blob'];
  const parts = new Map<number, Buffer>();
  for (let number = 0; number < blob.readUInt32BE(8); number += 1) {
    const start = blob.readUInt32BE(16 + number * 8);
    parts.set(blob.readUInt32BE(12 + number * 8), blob.subarray(start, start + blob.readUInt32BE(start + 4)));
  }
  const directory = parts.get(0);
  if (directory === undefined || directory.readUInt32BE(0) !== 0xfade0c02) return ['no code directory'];
  const faults: string[] = [];
  const limit = directory.readUInt32BE(32);
  if (limit !== signature.offset) faults.push(`${limit} bytes are signed of ${signature.offset}`);
  if (directory.readUInt8(36) !== 32 || directory.readUInt8(37) !== 2) faults.push('not SHA-256');
  const hashes = directory.readUInt32BE(16);
  const pageBytes = 1 << directory.readUInt8(39);
  const pages = directory.readUInt32BE(28);
  if (pages * pageBytes < limit || (pages - 1) * pageBytes >= limit) faults.push(`${pages} pages`);
  if (directory.length !== hashes + pages * 32) faults.push(`${directory.length} bytes of directory`);
  for (let page = 0; page < pages; page += 1) {
    const digest = createHash('sha256');
    digest.update(file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, limit)));
    const wanted = directory.toString('hex', hashes + page * 32, hashes + page * 32 + 32);
    if (digest.digest('hex') !== wanted) faults.push(`page ${page}`);
  }
  for (let slot = 1; slot <= directory.readUInt32BE(24); slot += 1) {
    const wanted = directory.toString('hex', hashes - slot * 32, hashes - slot * 32 + 32);
    const part = parts.get(slot);
    const found = part === undefined ? '0'.repeat(64) : createHash('sha256').update(part).digest('hex');
    if (found !== wanted) faults.push(`slot ${slot}`);
  }
  return faults;
}

function text(file: Buffer, at: number): string {
  const bytes = file.subarray(at, at + 16);
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? 16 : end);
}
