// The trusting dial: dials again with the machine's own certificate authorities where Node's list does not suffice.
import { isUnknownAuthority, trustSystemCertificates } from '#shared/machine/certificates.ts';
import type { FailedDial } from './dial-outcome.ts';

/**
 * Dials; asks again at once if the machine's own authorities may make the relay's certificate a good one. Never rejects
 * if `dial` does not.
 */
export async function dialTrusting<Open extends { readonly kind: 'open' }>(
  dial: () => Promise<Open | FailedDial>,
  trustSystem: () => boolean = trustSystemCertificates,
): Promise<Open | FailedDial> {
  const outcome = await dial();
  const isWorthAnother = outcome.kind === 'unreachable' && isUnknownAuthority(outcome.code) && trustSystem();
  return isWorthAnother ? dial() : outcome;
}
