// Sealed records: what the pods of one cluster give to people, and alone can read when it comes back.
import { type JsonRecord, parseRecord } from '#shared/text/json-record.ts';

/** What a record is sealed for. */
export type SealedFor = 'sign-on-handle' | 'sign-on-refresh' | 'sign-on' | 'sign-on-trip';

/** What the pods of one cluster have in common: `ClusterKey`. */
export interface SignOnSeal {
  /** Base64url. */
  seal(text: string, purpose: SealedFor): string;
  /** Undefined if this cluster has not sealed it for that purpose. */
  open(sealed: string, purpose: SealedFor): string | undefined;
}

export function sealRecord(seal: SignOnSeal, purpose: SealedFor, record: JsonRecord): string {
  return seal.seal(JSON.stringify(record), purpose);
}

/** The record; undefined if this cluster has not sealed it, to the letter. Nothing in it has been looked at. */
export function openRecord(seal: SignOnSeal, purpose: SealedFor, text: string): JsonRecord | undefined {
  // Node's decoder passes over what is not base64url, and over the last bits: several texts would be one record.
  if (Buffer.from(text, 'base64url').toString('base64url') !== text) return undefined;
  const opened = seal.open(text, purpose);
  return opened === undefined ? undefined : parseRecord(opened);
}
