// SSHSIG: what an SSH key signs when it signs a message and not a login. OpenSSH's PROTOCOL.sshsig; `ssh-keygen -Y`.
import { createHash } from 'node:crypto';
import { wireString } from './strings.ts';

/** No signature of a login begins so: one can never be taken for the other. */
const MAGIC = Buffer.from('SSHSIG', 'latin1');

/** Of the two that PROTOCOL.sshsig allows the one that ssh-keygen takes. */
const HASH = 'sha512';

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
