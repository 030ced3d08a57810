// Revocation lists: keys and certificates that let nobody in any more, whoever has signed them.
import { createHash } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import type { PublicKey } from './public-key.ts';
import { SerialSet, type Serials } from './serial-set.ts';

/** By what somebody or something is revoked. */
export type Revocation = 'key' | 'authority' | 'serial number' | 'key ID';

/** Certificates that are revoked one by one. */
export interface RevokedCertificates {
  /** The authority's key in SSH's wire form; empty: whichever has signed them. */
  readonly authority: Buffer;
  readonly serials: Serials;
  readonly keyIds: readonly string[];
}

/** What a list says. Keys are those of people, of certificates and of authorities alike. */
export interface RevokedThings {
  /** In SSH's wire form. */
  readonly keys: readonly Buffer[];
  readonly sha1: readonly Buffer[];
  readonly sha256: readonly Buffer[];
  readonly certificates: readonly RevokedCertificates[];
}

interface CertificateSet {
  readonly authority: string;
  readonly serials: SerialSet;
  readonly keyIds: ReadonlySet<string>;
}

export class RevocationList {
  readonly #keys: ReadonlySet<string>;
  readonly #sha1: ReadonlySet<string>;
  readonly #sha256: ReadonlySet<string>;
  readonly #certificates: readonly CertificateSet[];

  constructor({ keys, sha1, sha256, certificates }: RevokedThings) {
    this.#keys = new Set(keys.map(textOf));
    this.#sha1 = new Set(sha1.map(textOf));
    this.#sha256 = new Set(sha256.map(textOf));
    this.#certificates = certificates.map(({ authority, serials, keyIds }) => ({
      authority: textOf(authority),
      serials: new SerialSet(serials),
      keyIds: new Set(keyIds),
    }));
  }

  /** By what a key or a certificate is revoked; undefined if it is not. */
  revocationOf(subject: PublicKey | Certificate): Revocation | undefined {
    if (!('authority' in subject)) return this.#hasKey(subject) ? 'key' : undefined;
    if (this.#hasKey(subject.key)) return 'key';
    if (this.#hasKey(subject.authority)) return 'authority';
    const authority = textOf(subject.authority.blob);
    const sets = this.#certificates.filter((set) => set.authority === '' || set.authority === authority);
    if (sets.some(({ keyIds }) => keyIds.has(subject.keyId))) return 'key ID';
    return sets.some(({ serials }) => serials.has(subject.serial)) ? 'serial number' : undefined;
  }

  #hasKey({ blob }: PublicKey): boolean {
    return (
      this.#keys.has(textOf(blob)) ||
      (this.#sha256.size > 0 && this.#sha256.has(digestOf('sha256', blob))) ||
      (this.#sha1.size > 0 && this.#sha1.has(digestOf('sha1', blob)))
    );
  }
}

function textOf(bytes: Buffer): string {
  return bytes.toString('base64');
}

function digestOf(hash: 'sha1' | 'sha256', blob: Buffer): string {
  return createHash(hash).update(blob).digest('base64');
}
