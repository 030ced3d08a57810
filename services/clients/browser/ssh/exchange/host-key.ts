// The host key: its one type, its fingerprint, and the signature that proves it.
import { sha256 } from '@noble/hashes/sha2.js';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshReader } from '../wire/ssh-reader.ts';
import { PAGE_PRIMITIVES } from './primitives.ts';

export const HOST_KEY_TYPE = 'ssh-ed25519';
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** `SHA256:…` of a key as it is on the wire, as `ssh-keygen -l` prints it. */
export function pinOf(key: Uint8Array): string {
  return `SHA256:${btoa(String.fromCharCode(...sha256(key))).replace(/=+$/, '')}`;
}

/** The 32 bytes in K_S. Throws unless it is an Ed25519 key and nothing else. */
export function readHostKey(key: Uint8Array): Uint8Array {
  const reader = new SshReader(key);
  const type = reader.name();
  if (type !== HOST_KEY_TYPE) {
    throw new SshFault('wrong_host_key', 'the host shows a key of another type than ssh-ed25519');
  }
  const publicKey = reader.string(PUBLIC_KEY_BYTES);
  reader.end();
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new SshFault('malformed', 'a host key that is too short');
  return publicKey;
}

/** Rejects with `bad_signature` unless `signature` (RFC 8709 section 6) is of `hash` by the host key. */
export async function checkHostSignature(
  signature: Uint8Array,
  hash: Uint8Array,
  key: Uint8Array,
): Promise<void> {
  const publicKey = readHostKey(key);
  const reader = new SshReader(signature);
  const type = reader.name();
  const bytes = reader.string();
  reader.end();
  const isSignature = type === HOST_KEY_TYPE && bytes.length === SIGNATURE_BYTES;
  if (isSignature && (await PAGE_PRIMITIVES.verifyEd25519(bytes, hash, publicKey))) return;
  throw new SshFault('bad_signature', 'the host could not prove that its key is its own');
}
