// Files of revoked keys, as sshd's RevokedKeys takes them: a KRL, or public keys one a line.
import { isCertificateType, readCertificate } from './certificate.ts';
import { readBlobLine } from './key-line.ts';
import { isKeyRevocationList, readKeyRevocationList } from './key-revocation-list.ts';
import { readPublicKey } from './public-key.ts';
import { RevocationList } from './revocation-list.ts';

/** In bytes: half a million serial numbers that do not follow one another. */
export const MAX_REVOCATION_LIST_BYTES = 4 * 1_024 * 1_024;

export type ReadRevocations =
  | { readonly kind: 'read'; readonly list: RevocationList }
  /** Nobody may come in by a list that was half understood. `detail`: the rest of a sentence that the list begins. */
  | { readonly kind: 'malformed'; readonly detail: string };

/** Reads a file of either form. Never throws. */
export function readRevocations(file: Buffer): ReadRevocations {
  if (file.length > MAX_REVOCATION_LIST_BYTES)
    return malformed(`has ${file.length} bytes; ${MAX_REVOCATION_LIST_BYTES} are read`);
  if (isKeyRevocationList(file)) {
    const reading = readKeyRevocationList(file);
    return reading.kind === 'read'
      ? { kind: 'read', list: new RevocationList(reading.revoked) }
      : malformed(reading.detail);
  }
  const keys: Buffer[] = [];
  for (const [index, raw] of file.toString('utf8').split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const key = keyFrom(line);
    if (key === undefined) {
      const number = index + 1;
      return malformed(`has no public key in line ${number}; a specification is made a KRL by ssh-keygen -k`);
    }
    keys.push(key);
  }
  return { kind: 'read', list: new RevocationList({ keys, sha1: [], sha256: [], certificates: [] }) };
}

/** The key in a line; of a certificate the one that it certifies, as for sshd. Undefined if there is none. */
function keyFrom(line: string): Buffer | undefined {
  const read = readBlobLine(line);
  if (read === undefined) return undefined;
  const { type, blob } = read;
  if (isCertificateType(type)) {
    const reading = readCertificate(blob);
    return reading.kind === 'read' ? reading.certificate.key.blob : undefined;
  }
  // A type that counts no more, such as ssh-dss, lets nobody in; its line is no fault.
  return readPublicKey(blob)?.blob ?? (type === 'ssh-dss' ? blob : undefined);
}

function malformed(detail: string): ReadRevocations {
  return { kind: 'malformed', detail };
}
