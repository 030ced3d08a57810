// The two messages of a key exchange that the pin depends on: the server's KEXINIT and its reply.
import { WireReader } from '#shared/ssh/strings.ts';

/** Message numbers (RFC 4253 section 12). */
export const DISCONNECT = 1;
export const KEXINIT = 20;
export const NEWKEYS = 21;
/** 31 is the server's reply in every method below, and something else in others. */
export const KEX_REPLY = 31;

/**
 * The methods in which message 31 is the reply, with the host key as its first field. In others it is not: in
 * diffie-hellman-group-exchange (RFC 4419) it is a group that the server chooses, which a relay could shape like the
 * pinned key and then follow with a key of its own. A method that is not on this list is refused, known or not.
 */
const VERIFIABLE_METHODS: ReadonlySet<string> = new Set([
  // RFC 8731
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'curve448-sha512',
  // RFC 5656 section 4
  'ecdh-sha2-nistp256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  // RFC 4253 section 8, RFC 8268
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group15-sha512',
  'diffie-hellman-group16-sha512',
  'diffie-hellman-group17-sha512',
  'diffie-hellman-group18-sha512',
  // OpenSSH PROTOCOL: hybrids with the messages of RFC 5656
  'sntrup761x25519-sha512',
  'sntrup761x25519-sha512@openssh.com',
  'mlkem768x25519-sha256',
  'mlkem768nistp256-sha256',
  'mlkem1024nistp384-sha384',
  // Not methods but signs, which no client can choose: RFC 8308, OpenSSH PROTOCOL 1.10
  'ext-info-s',
  'kex-strict-s-v00@openssh.com',
]);

/** RFC 4253 section 7.1: message number, then 16 random bytes, then ten lists of names. */
const KEXINIT_LISTS_OFFSET = 17;
const KEXINIT_LISTS = 10;
/** After the lists: first_kex_packet_follows and four reserved bytes. */
const KEXINIT_TAIL_BYTES = 5;

/**
 * A name of an algorithm, as RFC 4251 section 6 has it (printable ASCII, 64 characters), without the marks that no algorithm
 * has. A client that finds none that it knows prints all of them, and before the key is checked they may be a relay's.
 */
const ALGORITHM_NAME = /^[A-Za-z0-9][A-Za-z0-9.@_+-]{0,63}$/;

/** Why the host key could not be checked after this KEXINIT; undefined if it can. */
export function faultOfKexinit(payload: Buffer): string | undefined {
  const reader = new WireReader(payload.subarray(KEXINIT_LISTS_OFFSET));
  const lists = readStrings(reader, KEXINIT_LISTS);
  const tail = reader.rest();
  const methods = lists?.[0]?.toString('latin1').split(',');
  if (lists === undefined || methods === undefined || tail.length !== KEXINIT_TAIL_BYTES) {
    return 'the offer of the key exchange is malformed';
  }
  if (!lists.every(isNameList)) return 'a name in the offer of the key exchange is none';
  const unverifiable = methods.find((method) => !VERIFIABLE_METHODS.has(method));
  if (unverifiable !== undefined) {
    return `the host offers the key exchange ${JSON.stringify(unverifiable.slice(0, 64))}, with which its key cannot be checked`;
  }
  // A guessed packet would be ignored by the client or not, depending on its own guess, and we would have to know which.
  return tail[0] === 0 ? undefined : 'the host sends a guessed key exchange packet';
}

/**
 * The host key in a reply: `byte 31, string K_S, f or Q_S, string signature` and nothing more, in all methods above;
 * undefined if it has another form.
 */
export function hostKeyOf(payload: Buffer): Buffer | undefined {
  const reader = new WireReader(payload.subarray(1));
  const hostKey = readStrings(reader, 3)?.[0];
  return reader.rest().length === 0 ? hostKey : undefined;
}

function isNameList(list: Buffer): boolean {
  if (list.length === 0) return true;
  return list
    .toString('latin1')
    .split(',')
    .every((name) => ALGORITHM_NAME.test(name));
}

/** The next `count` strings; undefined if there are fewer. */
function readStrings(reader: WireReader, count: number): Buffer[] | undefined {
  const strings = Array.from({ length: count }, () => reader.string());
  return strings.every((bytes) => bytes !== undefined) ? strings : undefined;
}
