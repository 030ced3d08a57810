// The trusting dial: one that believes in the machine's own certificate authorities where Node's list is not enough.
import { isUnknownAuthority, trustSystemCertificates } from '#shared/certificates.ts';
import { type DialOptions, type DialOutcome, dialWebSocket } from './dial.ts';

export interface TrustingDialOptions extends DialOptions {
  /** In tests, in place of the network and of the machine's certificates. */
  readonly dial?: ((url: URL, options: DialOptions) => Promise<DialOutcome>) | undefined;
  readonly trustSystem?: (() => boolean) | undefined;
}

/** Dials; asks again at once if the machine's own authorities may make the relay's certificate a good one. Never rejects. */
export async function dialTrusting(url: URL, options: TrustingDialOptions): Promise<DialOutcome> {
  const { dial = dialWebSocket, trustSystem = trustSystemCertificates, ...dialOptions } = options;
  const outcome = await dial(url, dialOptions);
  const isWorthAnother = outcome.kind === 'unreachable' && isUnknownAuthority(outcome.code) && trustSystem();
  return isWorthAnother ? dial(url, dialOptions) : outcome;
}
