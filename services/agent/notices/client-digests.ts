// Client digests: the clients that were built with this agent. Its card refuses any other.

/** The SHA-256 of each, in hex. */
export type ClientDigests = Readonly<Partial<Record<'wsproxy' | 'tcptows', string>>>;

/** The build puts it into the bundle (deploy/build/program-bundle.ts). */
declare const CONVERGE_CLIENT_DIGESTS: ClientDigests;

/** Empty for an agent that runs from its sources. */
export const CLIENT_DIGESTS: ClientDigests =
  typeof CONVERGE_CLIENT_DIGESTS === 'undefined' ? {} : CONVERGE_CLIENT_DIGESTS;
