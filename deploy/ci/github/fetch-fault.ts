// Why a fetch failed, in words for a person.

/** Of Node's resolver, its sockets and OpenSSL; those that people meet. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host; check the name, and HTTPS_PROXY if this network has a proxy',
  EAI_AGAIN: 'the name cannot be looked up from here',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut',
  ETIMEDOUT: 'nobody answered; if this network has a proxy, set HTTPS_PROXY',
  UND_ERR_CONNECT_TIMEOUT: 'nobody answered; if this network has a proxy, set HTTPS_PROXY',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not known here; name the authority in NODE_EXTRA_CA_CERTS',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not known here; name the authority in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is not known here; name the authority in NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is not known here; name the authority in NODE_EXTRA_CA_CERTS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

/** Never throws, whatever was thrown. */
export function wordsOfFetchFault(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no whole answer came in time';
  // fetch hides the fault in its cause, and that of several addresses in the first of them.
  const causes = [error.cause, error, ...(error.cause instanceof AggregateError ? error.cause.errors : [])];
  for (const cause of causes) {
    const words = WORDS[(cause as { code?: string } | undefined)?.code ?? ''];
    if (words !== undefined) return words;
  }
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
