// Faults of the relay: what went wrong, and is no fault of a request.

export type FaultCode = 'registry_unavailable' | 'listen_failed';

export class RelayFault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RelayFault';
    this.code = code;
  }
}

/** For a promise's `catch`: undefined where the registry cannot be reached; any other error goes on. */
export function undefinedIfRegistryIsAway(error: unknown): undefined {
  if (error instanceof RelayFault && error.code === 'registry_unavailable') return undefined;
  throw error;
}
