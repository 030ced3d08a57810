// Certificate authorities: those of the machine, on top of the ones that Node brings, and only when they are needed.
//
// Node brings Mozilla's list and reads NODE_EXTRA_CA_CERTS. A company's own authority is usually installed in the machine's
// store or named by SSL_CERT_FILE. Reading these takes 0.1 to 0.2 s, which is longer than everything else before the first
// byte, so it happens after a server was not trusted, not before.
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';

/** OpenSSL's words for a chain that ends at an authority nobody knows. */
const UNKNOWN_AUTHORITY_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Where distributions keep their bundle that do not keep it where Node's OpenSSL looks (`/etc/ssl`): Red Hat's, SUSE's. */
const OTHER_BUNDLES = [
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

/** True if a TLS error of this code may go away with `trustSystemCertificates`. */
export function isUnknownAuthority(code: string): boolean {
  return UNKNOWN_AUTHORITY_CODES.has(code);
}

/** It came with Node 22.19 and 24.5: where an older one runs wsproxy.mjs, NODE_EXTRA_CA_CERTS is the way. */
const canTrustMore = 'setDefaultCACertificates' in tls;

let isDone = false;

/**
 * Adds the machine's certificate authorities (its store, SSL_CERT_FILE and SSL_CERT_DIR, which OpenSSL reads from the
 * environment itself) to those that every later TLS connection of this process trusts. True if that changed anything:
 * what failed is worth another attempt. A store that cannot be read counts as empty.
 */
export function trustSystemCertificates(): boolean {
  if (isDone || !canTrustMore) return false;
  isDone = true;
  const known = new Set(tls.getCACertificates('default'));
  const before = known.size;
  for (const certificate of systemCertificates()) known.add(certificate);
  if (known.size === before) return false;
  try {
    tls.setDefaultCACertificates([...known]);
    return true;
  } catch {
    // One certificate that OpenSSL does not parse spoils the list; the TLS error that led here is the better message.
    return false;
  }
}

function systemCertificates(): string[] {
  return [...tls.getCACertificates('system'), ...OTHER_BUNDLES.flatMap(certificatesIn)];
}

function certificatesIn(path: string): string[] {
  try {
    const text = readFileSync(path, 'latin1');
    return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  } catch {
    return [];
  }
}
