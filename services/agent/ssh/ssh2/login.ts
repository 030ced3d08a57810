// The login: asking for its service again, and the answer to a key that is offered. RFC 4252.
//
// Upstream, lib/server.js: SERVICE_REQUEST must be accepted again until the login, as sshd does: paramiko asks before each
// attempt. PKAuthContext keeps only `ssh-rsa` of a request with rsa-sha2-*, but PK_OK repeats the algorithm of the request
// (section 7), and asyncssh holds servers to it.
import type { Connection, PublicKeyAuthContext } from 'ssh2';
import { WireReader } from '../wire.ts';
import { protocolOf } from './fields.ts';
import type { MessageHandler } from './inbound-messages.ts';

const LOGIN_SERVICE = 'ssh-userauth';

/** A handler of SERVICE_REQUEST. */
export function acceptLoginServiceAgain(connection: Connection): MessageHandler {
  let isAccepted = false;
  return (payload, pass) => {
    const service = new WireReader(payload.subarray(1)).string()?.toString('latin1');
    const { authenticated } = connection as unknown as { readonly authenticated: boolean };
    if (service !== LOGIN_SERVICE || authenticated || !isAccepted) {
      isAccepted ||= service === LOGIN_SERVICE;
      return pass();
    }
    protocolOf(connection).serviceAccept(LOGIN_SERVICE);
    return undefined;
  };
}

/** Tells the client to go on and sign with the key that it offers. */
export function acceptOffer(offer: PublicKeyAuthContext): void {
  if (offer.hashAlgo !== undefined) {
    // sha256 and sha512 come of rsa-sha2-256 and rsa-sha2-512 alone.
    (offer.key as { algo: string }).algo = offer.hashAlgo.replace('sha', 'rsa-sha2-');
  }
  offer.accept();
}
