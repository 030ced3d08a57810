// Limits of a rule.
import { parseDuration } from '#shared/time/duration.ts';
import type { RuleLimits } from '../policy.ts';
import { formatByteSize, parseByteSize } from './byte-size.ts';
import { Fields, quoted } from './fields.ts';
import type { FaultList } from './policy-fault.ts';

/** No rule has more agents, or an agent more sessions, at once. */
const MOST_AT_ONCE = 1_000_000;

/** A shorter life is a typing error, in milliseconds. */
const LEAST_LIFETIME_MS = 60_000;

/** Slower than that nobody can work, in bytes. */
const LEAST_BYTES_PER_SECOND = 1_024;

export function readLimits(rule: Fields, faults: FaultList): RuleLimits {
  const map = rule.map('limits');
  const none = { agents: undefined, lifetimeMs: undefined, sessions: undefined };
  if (map === undefined) return { ...none, bytesPerSecond: undefined, totalBytes: undefined };
  const fields = new Fields(map, rule.about('limits'), faults);
  fields.expect(['agents', 'lifetime', 'sessions', 'bytes-per-second', 'total-bytes']);
  return {
    agents: countOf(fields, 'agents'),
    lifetimeMs: lifetimeOf(fields),
    sessions: countOf(fields, 'sessions'),
    bytesPerSecond: bytesOf(fields, 'bytes-per-second', LEAST_BYTES_PER_SECOND),
    totalBytes: bytesOf(fields, 'total-bytes', 1),
  };
}

function countOf(fields: Fields, word: string): number | undefined {
  const node = fields.text(word);
  if (node === undefined) return undefined;
  const count = /^\d{1,7}$/.test(node.text) ? Number(node.text) : 0;
  if (count >= 1 && count <= MOST_AT_ONCE) return count;
  fields.fault(
    word,
    `"${word}" must be a whole number from 1 to ${MOST_AT_ONCE}, and is ${quoted(node.text)}`,
  );
  return undefined;
}

function lifetimeOf(fields: Fields): number | undefined {
  const node = fields.text('lifetime');
  if (node === undefined) return undefined;
  const parsed = parseDuration(node.text, LEAST_LIFETIME_MS);
  if (parsed.kind === 'duration') return parsed.ms;
  fields.fault('lifetime', `"lifetime": ${parsed.fault}`);
  return undefined;
}

function bytesOf(fields: Fields, word: string, least: number): number | undefined {
  const node = fields.text(word);
  if (node === undefined) return undefined;
  const bytes = parseByteSize(node.text);
  if (bytes !== undefined && bytes >= least) return bytes;
  const rule = `${formatByteSize(least)} or more, such as 20 MiB (B, KiB, MiB, GiB, TiB)`;
  fields.fault(word, `"${word}" must be ${rule}, and is ${quoted(node.text)}`);
  return undefined;
}
