// The access list: whose keys and certificates let them in, as far as it is known at this moment.
import { isCertificateType, readCertificate } from '#shared/ssh/certificate.ts';
import { type CertificateFacts, judgeCertificate } from '#shared/ssh/certificate-verdict.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { keyTypeOf, type PublicKey, readPublicKey } from '#shared/ssh/public-key.ts';
import type { RevocationList } from '#shared/ssh/revocation-list.ts';
import type { Clock } from '#shared/time/clock.ts';
import { type AuthorizedKey, findKey } from './authorized-keys.ts';
import type { KeyAccounts, KnownAccount } from './key-accounts.ts';
import type { UserAuthority } from './user-authorities.ts';

/** Whom a certificate must name; `any`: it must name somebody. */
export type Principals = readonly string[] | 'any';

/** What the relay's rule adds for an agent that asks for it. */
export interface RelayPeople {
  /** Whose word it is. */
  readonly host: string;
  readonly authorities: readonly UserAuthority[];
  readonly accounts: KeyAccounts;
}

export interface AccessListOptions {
  readonly clock: Clock;
  readonly authorizedKeys: readonly AuthorizedKey[];
  readonly accounts?: KeyAccounts | undefined;
  readonly authorities?: readonly UserAuthority[];
  /** Of certificates of any authority. */
  readonly principals?: Principals;
  readonly revoked?: RevocationList | undefined;
}

/** What is to be thought of a key or certificate that somebody shows; that they have its private half is not known yet. */
export type KeyVerdict =
  | { readonly kind: 'key'; readonly key: PublicKey; readonly comment: string }
  | { readonly kind: 'certificate'; readonly certificate: CertificateFacts }
  /** A certificate that does not count, or a key that is revoked. `detail`: what and why, for the job log. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** A key that nobody named. */
  | { readonly kind: 'unknown' };

/** Whom the list lets in, for people. */
export interface AccessSummary {
  /** Keys of `--authorized-keys`. */
  readonly authorizedKeys: number;
  readonly accounts: readonly KnownAccount[];
  readonly authorities: readonly UserAuthority[];
  readonly principals: Principals;
  /** What the relay of this host gave. */
  readonly relay:
    | {
        readonly host: string;
        readonly accounts: readonly KnownAccount[];
        readonly authorities: readonly UserAuthority[];
      }
    | undefined;
}

/** Of the key ID in a certificate so much is told: it may have kilobytes. */
const MAX_KEY_ID_TOLD = 64;

/** Of keys that people in the job let in, so many at most: more are a script that has gone astray. */
export const MAX_ALLOWED_KEYS = 64;

export class AccessList {
  readonly #options: AccessListOptions;
  /** By `converge allow`. */
  readonly #allowed: AuthorizedKey[] = [];
  #relay: RelayPeople | undefined;

  constructor(options: AccessListOptions) {
    this.#options = options;
  }

  get summary(): AccessSummary {
    const { authorizedKeys, accounts, authorities = [], principals = [] } = this.#options;
    const relay = this.#relay;
    return {
      authorizedKeys: authorizedKeys.length,
      accounts: accounts?.known ?? [],
      authorities,
      principals,
      relay: relay && { host: relay.host, accounts: relay.accounts.known, authorities: relay.authorities },
    };
  }

  /** True if it lets nobody in, and would not either if people added keys to their accounts. */
  get isEmpty(): boolean {
    const { authorizedKeys, accounts, authorities, relay } = this.summary;
    const named = [authorizedKeys, accounts.length, authorities.length];
    const given = [relay?.accounts.length ?? 0, relay?.authorities.length ?? 0];
    return [...named, ...given].every((count) => count === 0);
  }

  /** What the relay gives now, in place of what it gave before. */
  takeFromRelay(people: RelayPeople): void {
    this.#relay = people;
  }

  /** Lets in one key more, unless it is revoked, or too many were let in so. */
  allow(key: AuthorizedKey): 'allowed' | 'revoked' | 'too_many' {
    const read = readPublicKey(key.blob);
    if (read !== undefined && this.#isRevoked(read)) return 'revoked';
    if (findKey(this.#allowed, key.blob) !== undefined) return 'allowed';
    if (this.#allowed.length >= MAX_ALLOWED_KEYS) return 'too_many';
    this.#allowed.push(key);
    return 'allowed';
  }

  /** Judges what somebody at `address` shows. Never throws. */
  judge(blob: Buffer, address: string): KeyVerdict {
    const type = keyTypeOf(blob);
    if (type !== undefined && isCertificateType(type)) return this.#judgeCertificate(blob, address);
    const { authorizedKeys, accounts } = this.#options;
    const named =
      findKey(authorizedKeys, blob) ??
      findKey(this.#allowed, blob) ??
      accounts?.find(blob) ??
      this.#relay?.accounts.find(blob);
    const key = named === undefined ? undefined : readPublicKey(blob);
    if (named === undefined || key === undefined) return { kind: 'unknown' };
    if (this.#isRevoked(key)) return { kind: 'refused', detail: `key ${named.fingerprint} is revoked` };
    return { kind: 'key', key, comment: named.comment };
  }

  /** How long it is until the accounts may be asked again, in milliseconds; 0 if they may be, or there are none. */
  get waitMs(): number {
    const waits = [this.#options.accounts, this.#relay?.accounts].map((all) => all?.waitMs ?? 0);
    return Math.max(...waits);
  }

  /**
   * Asks the accounts again, for somebody with an unknown key. Undefined if that was done a moment ago, or there is nobody to
   * ask. Never rejects.
   */
  lookAgain(): Promise<unknown> | undefined {
    const looks = [this.#options.accounts, this.#relay?.accounts].flatMap((all) => all?.lookAgain() ?? []);
    return looks.length === 0 ? undefined : Promise.all(looks);
  }

  #isRevoked(key: PublicKey): boolean {
    return this.#options.revoked?.revocationOf(key) !== undefined;
  }

  #judgeCertificate(blob: Buffer, address: string): KeyVerdict {
    const { authorities = [], clock, principals = [], revoked } = this.#options;
    const all = [...authorities, ...(this.#relay?.authorities ?? [])];
    const verdict = judgeCertificate(blob, {
      authorities: all.map(({ fingerprint }) => fingerprint),
      principals,
      address,
      now: clock.wallTime(),
      revoked,
    });
    if (verdict.kind === 'valid') return { kind: 'certificate', certificate: verdict.certificate };
    const { fault, detail } = verdict;
    const wayOut =
      fault === 'wrong_principal' && principals !== 'any'
        ? `, and --principals is ${principals.join(',')}`
        : '';
    return { kind: 'refused', detail: `certificate ${certificateName(blob)} ${detail}${wayOut}` };
  }
}

/** The key ID, by which the authority knows it; of what cannot be read the fingerprint. */
function certificateName(blob: Buffer): string {
  const reading = readCertificate(blob);
  if (reading.kind !== 'read') return keyFingerprint(blob);
  return JSON.stringify(reading.certificate.keyId.slice(0, MAX_KEY_ID_TOLD));
}
