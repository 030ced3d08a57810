// Client digests: the clients that were built with this agent. Its card refuses any other.

/** The SHA-256 of each in hex, by the name of its download: `wsproxy-linux-x64`. */
export type ClientDigests = Readonly<Record<string, string>>;

/** One client for a laptop with Linux, as a relay serves it. */
export interface ClientDownload {
  readonly name: string;
  /** Undefined for an agent that knows of none. */
  readonly sha256?: string;
  /** What it runs on, for people. */
  readonly laptop: string;
}

/** The build puts it into the bundle (deploy/build/program-bundle.ts). */
declare const CONVERGE_CLIENT_DIGESTS: ClientDigests;

/** Empty for an agent that runs from its sources. */
export const CLIENT_DIGESTS: ClientDigests =
  typeof CONVERGE_CLIENT_DIGESTS === 'undefined' ? {} : CONVERGE_CLIENT_DIGESTS;

const PROCESSORS: Readonly<Record<string, string>> = { x64: 'Linux on x64', arm64: 'Linux on ARM' };

/** Most laptops with Linux are x64, whatever the job runs on. */
export function clientDownload(program: 'wsproxy' | 'tcptows', digests: ClientDigests): ClientDownload {
  for (const [processor, laptop] of Object.entries(PROCESSORS)) {
    const name = `${program}-linux-${processor}`;
    const sha256 = digests[name];
    if (sha256 !== undefined) return { name, sha256, laptop };
  }
  return { name: program, laptop: 'Linux' };
}
