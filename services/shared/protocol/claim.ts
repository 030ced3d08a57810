// The claim: the secret that makes an ID belong to one agent for the agent's life.
import { createHash, randomBytes } from 'node:crypto';

/** The request header that carries the claim on every control link and agent stream. */
export const CLAIM_HEADER = 'converge-claim';

/** The request header that carries the newest grant on a control link; without one before the first welcome. */
export const GRANT_HEADER = 'converge-grant';

/** 256 bits, base64url. */
const CLAIM_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** A fresh claim secret. */
export function createClaim(): string {
  return randomBytes(32).toString('base64url');
}

/** True if `text` has the form of a claim secret. */
export function isClaim(text: string | undefined): text is string {
  return text !== undefined && CLAIM_PATTERN.test(text);
}

/** Printable ASCII without spaces: what an agent may put into a header without reading it. */
const GRANT_PATTERN = /^[!-~]{1,512}$/;

/** True if `text` may be a grant. */
export function isGrant(text: string): boolean {
  return GRANT_PATTERN.test(text);
}

/** What a registry keeps of a claim: its SHA-256, base64url. */
export function hashClaim(claim: string): string {
  return createHash('sha256').update(claim).digest('base64url');
}
