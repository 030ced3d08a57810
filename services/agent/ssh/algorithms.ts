// The algorithms that are offered, strongest first; no SHA-1, no CBC, no compression.
import type { Algorithms } from 'ssh2';

/** The algorithms that a login may sign with, by OpenSSH's names: those that services/shared/ssh/signature.ts verifies. */
export const SIGNATURE_ALGORITHMS = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/**
 * What ssh2 knows: `mlkem768x25519-sha256` is put before these key exchanges by ssh2/hybrid-exchange.ts.
 * No group exchange: wsproxy checks the pin in message 31, whose first field must be the host key; in a group exchange
 * message 31 is something else (RFC 4419).
 * No chacha20-poly1305: the client's order decides and OpenSSH puts it first, but without ssh2's native addon it costs
 * several times as much as AES-GCM in OpenSSL. Every client that knows it knows AES-CTR too.
 */
export const ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} satisfies Algorithms;
