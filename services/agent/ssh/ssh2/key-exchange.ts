// The key exchange: guessed packets (RFC 4253 section 7), and the list of signature algorithms (RFC 8308 section 3.1).
//
// Upstream, lib/protocol/kex.js: handleKexInit compares the agreed method with `remote.kex[0]` after it has put the method
// in place of that list, so it throws away every guess, also a right one, and dropbear's client waits for ever; and the
// host key algorithm is not compared. lib/protocol/Protocol.js: the list in sendExtInfo lacks a comma after
// ecdsa-sha2-nistp521, and names what this server would not take.
import type { Connection } from 'ssh2';
import { WireReader, wireString } from '../wire.ts';
import { protocolOf } from './fields.ts';
import type { MessageHandler } from './inbound-messages.ts';
import { MESSAGE, sendMessage, wireNumber } from './message.ts';

/** The type of the message and its cookie. */
const KEXINIT_HEAD_BYTES = 17;
/** After the first two, of key exchange and of host keys. */
const OTHER_LISTS = 8;

/** What authentication.ts verifies: no SHA-1, no DSA. */
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

/** A handler of KEXINIT, which calls `begun` for each exchange. */
export function followKeyExchanges(connection: Connection, begun: () => void): MessageHandler {
  const protocol = protocolOf(connection);
  let wantsExtensions = false;
  connection.once('handshake', () => {
    if (wantsExtensions) sendSignatureAlgorithms(connection);
  });
  return (payload, pass) => {
    const result = pass();
    const guess = guessFrom(payload);
    if (guess !== undefined) {
      const { kex, serverHostKey } = protocol._offer.lists;
      protocol._skipNextInboundPacket =
        guess.method !== kex.array[0] || guess.hostKey !== serverHostKey.array[0];
    }
    if (protocol._kex?.remoteExtInfoEnabled === true) {
      // ssh2 would send its own list, right before `handshake`.
      protocol._kex.remoteExtInfoEnabled = false;
      wantsExtensions = true;
    }
    begun();
    return result;
  };
}

/** What a client guessed that sends its first packet along, or undefined. */
function guessFrom(payload: Buffer): { method: string; hostKey: string } | undefined {
  const reader = new WireReader(payload.subarray(KEXINIT_HEAD_BYTES));
  const [method = '', hostKey = ''] = [reader.string(), reader.string()].map(firstOf);
  for (let left = OTHER_LISTS; left > 0; left--) reader.string();
  const follows = reader.raw(1)?.[0];
  return follows === undefined || follows === 0 ? undefined : { method, hostKey };
}

function firstOf(list: Buffer | undefined): string {
  return list?.toString('latin1').split(',')[0] ?? '';
}

function sendSignatureAlgorithms(connection: Connection): void {
  const extension = [wireString('server-sig-algs'), wireString(SIGNATURE_ALGORITHMS.join(','))];
  sendMessage(connection, Buffer.concat([Buffer.of(MESSAGE.EXT_INFO), wireNumber(1), ...extension]));
}
