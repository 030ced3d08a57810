// The two messages of a key exchange that the pin depends on: the server's KEXINIT and its reply.
import { WireReader } from '#shared/ssh/strings.ts';

/** Message numbers (RFC 4253 section 12). */
export const DISCONNECT = 1;
export const KEXINIT = 20;
export const NEWKEYS = 21;
/** 31 is the server's reply in every method below, and something else in others. */
export const KEX_REPLY = 31;

/** How long the second field of a reply may be, in bytes: the server's part of the secret. */
export interface AnswerBytes {
  readonly least: number;
  readonly most: number;
}

/**
 * The methods in which message 31 is the reply, with the host key as its first field. In others it is not: in
 * diffie-hellman-group-exchange (RFC 4419) it is a group that the server chooses, which a relay could shape like the
 * pinned key and then follow with a key of its own. A method that is not on this list is refused, known or not.
 */
const VERIFIABLE_METHODS: ReadonlyMap<string, AnswerBytes> = new Map([
  // RFC 8731
  ['curve25519-sha256', exactly(32)],
  ['curve25519-sha256@libssh.org', exactly(32)],
  ['curve448-sha512', exactly(56)],
  // RFC 5656 section 4; OpenSSH takes points in full and no compressed ones
  ['ecdh-sha2-nistp256', exactly(65)],
  ['ecdh-sha2-nistp384', exactly(97)],
  ['ecdh-sha2-nistp521', exactly(133)],
  // RFC 4253 section 8, RFC 8268
  ['diffie-hellman-group14-sha256', numberOf(2048)],
  ['diffie-hellman-group15-sha512', numberOf(3072)],
  ['diffie-hellman-group16-sha512', numberOf(4096)],
  ['diffie-hellman-group17-sha512', numberOf(6144)],
  ['diffie-hellman-group18-sha512', numberOf(8192)],
  // Hybrids with the messages of RFC 5656: a ciphertext, then a key or point as above. OpenSSH PROTOCOL, RFC 10042
  ['sntrup761x25519-sha512', exactly(1039 + 32)],
  ['sntrup761x25519-sha512@openssh.com', exactly(1039 + 32)],
  ['mlkem768x25519-sha256', exactly(1088 + 32)],
  ['mlkem768nistp256-sha256', exactly(1088 + 65)],
  ['mlkem1024nistp384-sha384', exactly(1568 + 97)],
]);

/** Not methods but signs, which no client can choose: RFC 8308, OpenSSH PROTOCOL 1.10. */
const SIGNS: ReadonlySet<string> = new Set(['ext-info-s', 'kex-strict-s-v00@openssh.com']);

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

/** What the server's KEXINIT says about the reply that is to follow. */
export type KexinitReading =
  /** The reply has the host key in it, and an answer as long as one of these. */
  | { readonly kind: 'checkable'; readonly answers: readonly AnswerBytes[] }
  | { readonly kind: 'fault'; readonly detail: string };

export function readKexinit(payload: Buffer): KexinitReading {
  const reader = new WireReader(payload.subarray(KEXINIT_LISTS_OFFSET));
  const lists = readStrings(reader, KEXINIT_LISTS);
  const tail = reader.rest();
  const names = lists?.[0]?.toString('latin1').split(',');
  if (lists === undefined || names === undefined || tail.length !== KEXINIT_TAIL_BYTES) {
    return fault('the offer of the key exchange is malformed');
  }
  if (!lists.every(isNameList)) return fault('a name in the offer of the key exchange is none');
  const methods = names.filter((name) => !SIGNS.has(name));
  const unverifiable = methods.find((method) => !VERIFIABLE_METHODS.has(method));
  if (unverifiable !== undefined) {
    return fault(
      `the host offers the key exchange ${JSON.stringify(unverifiable.slice(0, 64))}, with which its key cannot be checked`,
    );
  }
  // A guessed packet would be ignored by the client or not, depending on its own guess, and we would have to know which.
  if (tail[0] !== 0) return fault('the host sends a guessed key exchange packet');
  return { kind: 'checkable', answers: methods.flatMap((method) => VERIFIABLE_METHODS.get(method) ?? []) };
}

/**
 * The host key in a reply: `byte 31, string K_S, f or Q_S, string signature` and nothing more, in all methods above;
 * undefined if it has another form. Which of its methods the host replies to the client knows: here any of `answers` will do.
 */
export function hostKeyOf(payload: Buffer, answers: readonly AnswerBytes[]): Buffer | undefined {
  const reader = new WireReader(payload.subarray(1));
  const [hostKey, answer] = readStrings(reader, 3) ?? [];
  const bytes = answer?.length ?? 0;
  const isAnswer = answers.some(({ least, most }) => least <= bytes && bytes <= most);
  return isAnswer && reader.rest().length === 0 ? hostKey : undefined;
}

function fault(detail: string): KexinitReading {
  return { kind: 'fault', detail };
}

function exactly(bytes: number): AnswerBytes {
  return { least: bytes, most: bytes };
}

/** An mpint below a prime of so many bits: it has a zero before its first byte if that is 0x80 or more. */
function numberOf(bits: number): AnswerBytes {
  return { least: 1, most: bits / 8 + 1 };
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
