// Faults of the relay: what went wrong that is nobody's request.

export type FaultCode = 'registry_unavailable' | 'listen_failed';

export class RelayFault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RelayFault';
    this.code = code;
  }
}
