// Random tokens: what must not be guessed and yet is read, copied and typed by people.
import { randomBytes } from 'node:crypto';

/** RFC 4648 base32 in lower case: a double click takes all of it, and there is no 0 or 1 to mistake for o or l. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const BITS_PER_CHARACTER = 5;

/** A stranger who guesses an ID may try to log in; nothing else keeps them away. */
const ID_LENGTH = 26;
/** 100 bits: out of reach at any rate, and still typed in one go. */
const PASSWORD_LENGTH = 20;

/** An ID of 130 random bits that fits the ID grammar and a DNS label. */
export function makeAgentId(): string {
  return makeToken(ID_LENGTH);
}

/** A password of 100 random bits. */
export function makePassword(): string {
  return makeToken(PASSWORD_LENGTH);
}

function makeToken(length: number): string {
  // 256 is a multiple of 32: the low five bits of a random byte are evenly spread.
  return Array.from(randomBytes(length), (byte) => ALPHABET.charAt(byte % 2 ** BITS_PER_CHARACTER)).join('');
}
