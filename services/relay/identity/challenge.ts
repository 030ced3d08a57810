// Challenges: what a key has to sign, so that what it signed once is worth nothing a minute later. No pod keeps them.
import { takeRandomBytes } from '#shared/machine/random-pool.ts';

/** How long a challenge is good, in milliseconds: for somebody to find and touch a FIDO key. */
export const CHALLENGE_TTL_MS = 60_000;

/** How far the clocks of the pod that made it and the pod that checks it may be apart, in milliseconds. */
export const CHALLENGE_SKEW_MS = 10_000;

const NONCE_BYTES = 12;

/** Time in base 36, nonce, and the cluster's signature, both in base64url. */
const FORM = /^([0-9a-z]{1,11}\.[\w-]{16})\.([\w-]{43})$/;

/** What the pods of one cluster have in common: `ClusterKey`. */
export interface ChallengeSeal {
  /** Base64url. */
  sign(purpose: 'challenge', text: string): string;
  verify(purpose: 'challenge', text: string, signature: string): boolean;
}

/** A new challenge. `now`: milliseconds since the Unix epoch. */
export function makeChallenge(seal: ChallengeSeal, now: number): string {
  const text = `${now.toString(36)}.${takeRandomBytes(NONCE_BYTES).toString('base64url')}`;
  return `${text}.${seal.sign('challenge', text)}`;
}

/** True if a pod of this cluster has made `challenge` within CHALLENGE_TTL_MS. */
export function isFreshChallenge(seal: ChallengeSeal, challenge: string, now: number): boolean {
  const [, text = '', signature = ''] = FORM.exec(challenge) ?? [];
  const [time = ''] = text.split('.');
  const age = now - Number.parseInt(time, 36);
  const isInTime = age >= -CHALLENGE_SKEW_MS && age <= CHALLENGE_TTL_MS + CHALLENGE_SKEW_MS;
  return isInTime && seal.verify('challenge', text, signature);
}
