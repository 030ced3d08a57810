// A listener cannot be opened; the message names its address.

export class ListenFault extends Error {
  readonly code = 'listen_failed';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ListenFault';
  }
}
