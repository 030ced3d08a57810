// The verdict on a certificate: whether it lets its holder in, by the rules of sshd, and if not, why.
import { type Certificate, readCertificate } from './certificate.ts';
import { keyFingerprint } from './fingerprint.ts';
import type { PublicKey } from './public-key.ts';
import type { RevocationList } from './revocation-list.ts';
import { AUTHORITY_DEMANDS, type SignatureDemands, verifySshSignature } from './signature.ts';

/** Why a certificate lets nobody in: the ends of the refusal codes `certificate_…`. */
export type CertificateFault =
  | 'malformed'
  | 'wrong_type'
  | 'bad_signature'
  | 'unknown_ca'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_principal'
  | 'wrong_address'
  | 'unknown_option'
  | 'revoked';

/** What is asked of a certificate. */
export interface CertificateDemands {
  /** `SHA256:…` of those that count. `any`: somebody else decides about the authority. */
  readonly authorities: readonly string[] | 'any';
  /** One of these must be in it. `any`: it must have one, as for sshd. `unasked`: also without. */
  readonly principals: readonly string[] | 'any' | 'unasked';
  /** Of whoever shows it. */
  readonly address: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly revoked: Pick<RevocationList, 'revocationOf'> | undefined;
}

/** What a certificate says; its authority's signature has been verified. That its holder has the key is not known yet. */
export interface CertificateFacts {
  /** `SHA256:…` of the key that is certified. */
  readonly fingerprint: string;
  readonly caFingerprint: string;
  readonly keyId: string;
  readonly serial: bigint;
  readonly principals: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** By name; each has been understood. */
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly forceCommand: string | undefined;
  /** By name, with their data: `permit-pty`, `permit-port-forwarding`, … What is not here is not allowed. */
  readonly extensions: ReadonlyMap<string, Buffer>;
  readonly key: PublicKey;
  readonly authority: PublicKey;
  /** What the signature of its key must show. */
  readonly signatureDemands: SignatureDemands;
}

export type CertificateVerdict =
  | { readonly kind: 'valid'; readonly certificate: CertificateFacts }
  /** `detail`: the rest of a sentence that the certificate begins; it names values of the certificate alone. */
  | { readonly kind: 'refused'; readonly fault: CertificateFault; readonly detail: string };

/** Reads and judges a certificate; the signature, which costs most, is checked when all else is right. Never throws. */
export function judgeCertificate(blob: Buffer, demands: CertificateDemands): CertificateVerdict {
  const reading = readCertificate(blob);
  if (reading.kind !== 'read') return refused(reading.kind, reading.detail);
  const { certificate } = reading;
  const refusal = faultOf(certificate, demands);
  if (refusal !== undefined) return refusal;
  const { authority, signed, signature } = certificate;
  if (!verifySshSignature(authority, signed, signature, AUTHORITY_DEMANDS)) {
    return refused('bad_signature', `is not signed by its authority ${keyFingerprint(authority.blob)}`);
  }
  return { kind: 'valid', certificate: factsOf(certificate) };
}

type Refused = Extract<CertificateVerdict, { kind: 'refused' }>;

function faultOf(certificate: Certificate, demands: CertificateDemands): Refused | undefined {
  if (certificate.role === 'host') return refused('wrong_type', 'is for a host, not for a user');
  return (
    timeFault(certificate, demands) ??
    authorityFault(certificate, demands) ??
    revocationFault(certificate, demands) ??
    principalFault(certificate, demands) ??
    optionFault(certificate, demands)
  );
}

function timeFault(
  { validAfter, validBefore }: Certificate,
  { now }: CertificateDemands,
): Refused | undefined {
  const seconds = BigInt(Math.floor(now / 1_000));
  if (seconds < validAfter) return refused('not_yet_valid', `is not valid before ${timeText(validAfter)}`);
  if (seconds >= validBefore) return refused('expired', `expired at ${timeText(validBefore)}`);
  return undefined;
}

function authorityFault(
  { authority }: Certificate,
  { authorities }: CertificateDemands,
): Refused | undefined {
  const fingerprint = keyFingerprint(authority.blob);
  if (authorities === 'any' || authorities.includes(fingerprint)) return undefined;
  return refused('unknown_ca', `is signed by ${fingerprint}, which is no authority here`);
}

function revocationFault(certificate: Certificate, { revoked }: CertificateDemands): Refused | undefined {
  const what = revoked?.revocationOf(certificate);
  return what === undefined ? undefined : refused('revoked', `is revoked, by its ${what}`);
}

/** sshd takes none without principals from an authority in TrustedUserCAKeys: it would be good for everybody's account. */
function principalFault({ principals }: Certificate, demands: CertificateDemands): Refused | undefined {
  const { principals: wanted } = demands;
  if (wanted === 'unasked') return undefined;
  if (principals.length === 0) return refused('wrong_principal', 'names no principal');
  if (wanted === 'any' || principals.some((principal) => wanted.includes(principal))) return undefined;
  return refused('wrong_principal', `is for ${listed(principals)}`);
}

function optionFault({ options, key }: Certificate, { address }: CertificateDemands): Refused | undefined {
  if (options.sourceAddress?.includes(address) === false) {
    const list = options.critical.get('source-address')?.split(',') ?? [];
    return refused('wrong_address', `is good from ${listed(list)}, not from ${address}`);
  }
  // sshd lets it pass; but whoever wrote the option wants to see a PIN or a finger, and this key never shows one.
  if (options.verifyRequired && key.application === undefined)
    return refused('bad_signature', 'wants a verified owner, which only a FIDO key can show');
  return undefined;
}

function factsOf(certificate: Certificate): CertificateFacts {
  const { key, authority, keyId, serial, principals, validAfter, validBefore, options } = certificate;
  return {
    fingerprint: keyFingerprint(key.blob),
    caFingerprint: keyFingerprint(authority.blob),
    keyId,
    serial,
    principals,
    validAfter,
    validBefore,
    criticalOptions: options.critical,
    forceCommand: options.forceCommand,
    extensions: options.extensions,
    key,
    authority,
    signatureDemands: {
      touched: !options.extensions.has('no-touch-required'),
      verified: options.verifyRequired,
    },
  };
}

/** The last second that a Date can name: later ones are "for ever" in one way or another. */
const LAST_DATE_SECONDS = 8_640_000_000_000n;

function timeText(seconds: bigint): string {
  if (seconds > LAST_DATE_SECONDS) return `${seconds} s after 1970`;
  return new Date(Number(seconds) * 1_000).toISOString().replace('.000Z', 'Z');
}

/** So many names are told, each with so many characters: a certificate may have 32 KiB of them. */
const MAX_LISTED_NAMES = 8;
const MAX_LISTED_CHARACTERS = 64;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED_NAMES).map((name) => JSON.stringify(cut(name)));
  const rest = names.length - shown.length;
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`;
}

function cut(name: string): string {
  return name.length <= MAX_LISTED_CHARACTERS ? name : `${name.slice(0, MAX_LISTED_CHARACTERS)}…`;
}

function refused(fault: CertificateFault, detail: string): Refused {
  return { kind: 'refused', fault, detail };
}
