// The names of signature algorithms: those that are taken, and the one that a client asked about.
import type { Connection, PublicKeyAuthContext } from 'ssh2';
import { wireString, wireUint32 } from '#shared/ssh/strings.ts';
import { fieldsOf } from './fields.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';
import { sendMessage } from './outbound.ts';

const SERVER_SIG_ALGS = 'server-sig-algs';

/**
 * Lists to a client that asks for it (RFC 8308) which algorithms may log in, right after the first key exchange.
 * ssh2's own list lacks a comma, so that it has no `rsa-sha2-512`, and names `ssh-rsa` and `ssh-dss`.
 * Upstream: sendExtInfo in lib/protocol/Protocol.js would need the comma, and take the list.
 */
export function offerSignatureAlgorithms(
  connection: Connection,
  interceptors: Interceptors,
  algorithms: readonly string[],
): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const inner = interceptors[MESSAGE.KEXINIT];
  let isWanted = false;
  interceptors[MESSAGE.KEXINIT] = (payload, next) => {
    const verdict = inner === undefined ? next(payload) : inner(payload, next);
    const { _kex } = protocol;
    isWanted = _kex?.remoteExtInfoEnabled === true;
    if (_kex !== undefined) _kex.remoteExtInfoEnabled = false;
    return verdict;
  };
  connection.once('handshake', () => {
    if (!isWanted) return;
    const count = wireUint32(1);
    const extension = [wireString(SERVER_SIG_ALGS), wireString(algorithms.join(','))];
    sendMessage(connection, Buffer.concat([Buffer.from([MESSAGE.EXT_INFO]), count, ...extension]));
  });
}

/**
 * Says that a key may be used, by the name of the algorithm that the client asked about (RFC 4252 section 7). ssh2 answers
 * `ssh-rsa` to `rsa-sha2-*`, which asyncssh and Go do not accept as an answer to their question.
 * Upstream: PKAuthContext.accept in lib/server.js would have to pass on the name in the request.
 */
export function acceptOffer(attempt: PublicKeyAuthContext): void {
  const { hashAlgo } = attempt;
  if (hashAlgo === 'sha256' || hashAlgo === 'sha512') {
    attempt.key.algo = hashAlgo === 'sha256' ? 'rsa-sha2-256' : 'rsa-sha2-512';
  }
  attempt.accept();
}
