// The error for a listener that cannot be opened; it names the address.

export class ListenFault extends Error {
  readonly code = 'listen_failed';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ListenFault';
  }
}
