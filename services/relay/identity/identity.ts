// Identities: who somebody has proved to be. Whether that one may come in is the policy's to say.
import type { RefusalCode } from '#shared/protocol/refusals.ts';

/** A claim of a token, as the issuer put it. */
export type ClaimValue =
  | string
  | number
  | boolean
  | null
  | readonly ClaimValue[]
  | { readonly [name: string]: ClaimValue };

export type Claims = Readonly<Record<string, ClaimValue>>;

/** A verified proof. */
export type Identity =
  | { readonly kind: 'none' }
  /** A token of `issuer`, genuine, in time, and for this relay's audience. */
  | { readonly kind: 'oidc'; readonly issuer: string; readonly claims: Claims }
  /** A secret, by its SHA-256 in lower-case hex; whether a rule has it is not known yet. */
  | { readonly kind: 'token'; readonly sha256: string }
  /** Somebody who holds this key. */
  | { readonly kind: 'key'; readonly blob: Buffer; readonly fingerprint: string }
  /** Somebody who holds the key of a certificate that its CA has signed; whether that CA counts is not known yet. */
  | { readonly kind: 'certificate'; readonly certificate: CertifiedKey }
  /** A person who has signed on at `issuer`. */
  | { readonly kind: 'sso'; readonly issuer: string; readonly claims: Claims };

/** What a user certificate of SSH says, its signature verified (OpenSSH's PROTOCOL.certkeys). */
export interface CertifiedKey {
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
}

export type IdentityVerdict =
  | { readonly kind: 'verified'; readonly identity: Identity }
  /** `message` is for the one who asked: it may name its own claims, and nothing else that it does not know. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

/** Verifies tokens of CI systems. Never rejects. */
export interface CiTokenCheck {
  verify(token: string, issuers: readonly TrustedIssuer[]): Promise<IdentityVerdict>;
}

/** Verifies sign-ons that a relay of this cluster has confirmed; `now` is in milliseconds since the Unix epoch. Never throws. */
export interface SignOnCheck {
  verify(token: string, issuer: string, now: number): IdentityVerdict;
}

/** An issuer of OpenID Connect tokens that a rule names. */
export interface TrustedIssuer {
  /** As in the claim `iss`, exactly. */
  readonly url: string;
  /** What the claim `aud` must be. */
  readonly audience: string;
  /** Where its keys come from; `given`: a JWKS in the policy file, for an issuer out of reach. */
  readonly keys: { readonly kind: 'discovered' } | { readonly kind: 'given'; readonly jwks: JsonWebKeys };
}

/** RFC 7517 section 5. */
export interface JsonWebKeys {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}
