// SSHSIG: what an SSH key signs when it signs a message and not a login. OpenSSH's PROTOCOL.sshsig; `ssh-keygen -Y`.
import { createHash } from 'node:crypto';
import { wireString, wireUint32 } from './strings.ts';

/** No signature of a login begins so: one can never be taken for the other. */
const MAGIC = Buffer.from('SSHSIG', 'latin1');

/** Of the two that PROTOCOL.sshsig allows the one that ssh-keygen takes. */
const HASH = 'sha512';

/** Of the format. */
const VERSION = 1;

/** What is in an SSHSIG. */
export interface SshsigParts {
  /** The public key, SSH's wire form. */
  readonly key: Buffer;
  readonly namespace: string;
  /** SSH's signature blob, over `sshsigBytes`. */
  readonly signature: Buffer;
}

/** The SSHSIG itself: what stands in base64 between the lines of an armoured one. */
export function sshsigBlob({ key, namespace, signature }: SshsigParts): Buffer {
  const fields = [key, namespace, '', HASH, signature].map(wireString);
  return Buffer.concat([MAGIC, wireUint32(VERSION), ...fields]);
}

/** The bytes whose signature by a key is its SSHSIG of `message`, for this one use of keys. */
export function sshsigBytes(message: string, namespace: string): Buffer {
  return Buffer.concat([
    MAGIC,
    wireString(namespace),
    wireString(''), // reserved
    wireString(HASH),
    wireString(createHash(HASH).update(message).digest()),
  ]);
}
