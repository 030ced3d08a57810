// An entry as it lies in Redis: what is signed, and what may be believed of what is read.
import { createHash } from 'node:crypto';
import type { Owner, RegistryEntry } from '../registry.ts';
import type { EntryFault } from '../registry-recorder.ts';
import type { Tenure } from '../tenure.ts';

/**
 * The fields in the order of ENTRY_FIELDS and TENURE_FIELDS, as the scripts give them: complete, of bounded length,
 * numbers checked.
 */
export type EntryFields = readonly [
  pod: string,
  address: string,
  epoch: string,
  claimHash: string,
  since: string,
  signature: string,
  held: string,
  elders: string,
  horizon: string,
  seen: string,
  won: string,
];

/** Signs and verifies with the cluster's secret; while it is rotated, `verify` takes the old and the new one. */
export interface EntrySigner {
  sign(text: string): string;
  verify(text: string, signature: string): boolean;
}

export type ReadEntry =
  | { readonly kind: 'trusted'; readonly entry: RegistryEntry }
  | { readonly kind: 'distrusted'; readonly fault: EntryFault };

/**
 * What is signed of an entry. It binds the address to the ID and the claim, so that an entry can neither be made up nor
 * copied to another ID. Epoch and times are not in it, since they are made inside Redis and lead nobody astray: whoever
 * can write them could as well delete the entry, and what outranks it needs a grant.
 */
export function entryText(id: string, owner: Owner, claimHash: string): string {
  return JSON.stringify([id, owner.pod, owner.address, claimHash]);
}

export function readEntry(id: string, fields: EntryFields, signer: EntrySigner): ReadEntry {
  const [pod, address, epoch, claimHash, since, signature] = fields;
  if (!signer.verify(entryText(id, { pod, address }, claimHash), signature))
    return { kind: 'distrusted', fault: 'bad_signature' };
  return { kind: 'trusted', entry: { pod, address, epoch: Number(epoch), since: Number(since) } };
}

/**
 * Distinguishes what this pod wrote from the same entry after a stranger changed a field of it (SHA-1, since that is what Redis
 * computes in a script: whoever can make two texts with one hash has the secret, and needs no such trick).
 */
export function markOf({ pod, address }: Owner, claimHash: string, signature: string): string {
  return createHash('sha1').update([pod, address, claimHash, signature].join('\n')).digest('hex');
}

/** The name of this very entry in the scripts' argument `distrusted`. */
export function signedEntryText(fields: EntryFields): string {
  return fields.join('\n');
}

/** A tenure as the scripts take it. */
export function tenureWords({ heldSince, eldersBefore, horizon, seen, wonAt }: Tenure): readonly string[] {
  return [heldSince, eldersBefore, horizon, seen, wonAt].map(String);
}

/** A tenure as the scripts give it. */
export function tenureFrom(words: readonly string[]): Tenure {
  const [heldSince = 0, eldersBefore = 0, horizon = 0, seen = 0, wonAt = 0] = words.map(Number);
  return { heldSince, eldersBefore, horizon, seen, wonAt };
}
