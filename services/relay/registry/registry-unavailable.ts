// The registry cannot be reached, or does not answer: neither the request's fault nor this pod's.

export class RegistryUnavailable extends Error {
  readonly code = 'registry_unavailable';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RegistryUnavailable';
  }
}

/** For a promise's `catch`: undefined where the registry cannot be reached; any other error goes on. */
export function undefinedIfRegistryIsAway(error: unknown): undefined {
  if (error instanceof RegistryUnavailable) return undefined;
  throw error;
}
