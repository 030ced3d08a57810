// A block as it lies in Redis: what is signed, and what may be believed of what is read.
import { readTarget } from '../block-target.ts';
import { type Block, MAX_BLOCK_MS } from '../blocks.ts';
import type { EntryFault } from '../registry-recorder.ts';
import type { EntrySigner } from './redis-entry.ts';

/** What a field's value may have at most, in bytes: name and reason in UTF-8 and as JSON, two times, a signature. */
export const MAX_BLOCK_BYTES = 2_048;

/** In the place of a value: the field is to go whatever it holds. */
export const ANY_VALUE = '*';

const FIELD_PREFIX = 'block:';

/** How far ahead of its beginning a block may end, in milliseconds: the longest, and what clocks may be apart. */
const MAX_SPAN_MS = MAX_BLOCK_MS + 60_000;

/** A field of the hash and its value. */
export interface BlockEntry {
  readonly field: string;
  readonly value: string;
}

export type ReadBlock =
  | { readonly kind: 'trusted'; readonly block: Block }
  | { readonly kind: 'distrusted'; readonly fault: EntryFault };

export function fieldOf(target: string): string {
  return `${FIELD_PREFIX}${target}`;
}

export function entryOf(block: Block, signer: EntrySigner): BlockEntry {
  const { target, until, since, by, why } = block;
  const value = JSON.stringify([until, since, by, why, signer.sign(blockText(block))]);
  return { field: fieldOf(target), value };
}

export function readBlock({ field, value }: BlockEntry, signer: EntrySigner): ReadBlock {
  const block = field.startsWith(FIELD_PREFIX)
    ? blockFrom(field.slice(FIELD_PREFIX.length), value)
    : undefined;
  if (block === undefined) return { kind: 'distrusted', fault: 'malformed' };
  const { signature, ...rest } = block;
  return signer.verify(blockText(rest), signature)
    ? { kind: 'trusted', block: rest }
    : { kind: 'distrusted', fault: 'bad_signature' };
}

/** All of it is signed, so that no part of a block can be changed, nor moved to another target. */
function blockText({ target, until, since, by, why }: Block): string {
  return JSON.stringify(['block', target, until, since, by, why]);
}

function blockFrom(target: string, value: string): (Block & { readonly signature: string }) | undefined {
  const fields = fieldsOf(value);
  if (fields.length !== 5) return undefined;
  const [until, since, by, why, signature] = fields;
  if (typeof until !== 'number' || typeof since !== 'number' || until - since > MAX_SPAN_MS) return undefined;
  if (typeof by !== 'string' || typeof why !== 'string' || typeof signature !== 'string') return undefined;
  const read = readTarget(target);
  if (read.kind === 'invalid' || read.text !== target) return undefined;
  return { target, until, since, by, why, signature };
}

function fieldsOf(value: string): readonly unknown[] {
  try {
    const fields: unknown = JSON.parse(value);
    return Array.isArray(fields) ? fields : [];
  } catch {
    return [];
  }
}
