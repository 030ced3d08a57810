// The scheme of a relay's WebSockets.

/** The scheme for the `protocol` of a URL that a person gave, also one copied from a browser; undefined for any other. */
export function webSocketScheme(protocol: string): 'ws:' | 'wss:' | undefined {
  switch (protocol) {
    case 'ws:':
    case 'http:':
      return 'ws:';
    case 'wss:':
    case 'https:':
      return 'wss:';
    default:
      return undefined;
  }
}
