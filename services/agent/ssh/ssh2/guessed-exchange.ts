// A key exchange that the client has begun with a guess.
import type { Connection } from 'ssh2';
import { WireReader } from '#shared/ssh/strings.ts';
import { fieldsOf } from './fields.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';

/** The type and a random cookie. */
const LISTS_START_BYTES = 1 + 16;
/** Key exchange, host key, then ciphers, MACs, compression and languages for each direction. */
const LISTS = 10;

/**
 * Skips the packet after a KEXINIT with first_kex_packet_follows if, and only if, it was a wrong guess: the first key exchange
 * or the first host key algorithm of the two lists differ (RFC 4253 section 7). dropbear's client always guesses; it means
 * something else by "right" only with servers that offer `kexguess2@matt.ucc.asn.au`.
 * Upstream: handleKexInit in lib/protocol/kex.js overwrites the client's list before it compares the guess with it, so it
 * skips right guesses too, and it would have to compare host keys as well.
 */
export function judgeGuesses(connection: Connection, interceptors: Interceptors): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const inner = interceptors[MESSAGE.KEXINIT];
  interceptors[MESSAGE.KEXINIT] = (payload, next) => {
    const { lists } = protocol._offer;
    const guess = guessOf(payload);
    const isWrong =
      guess !== undefined &&
      (guess.kex !== lists.kex.array[0] || guess.hostKey !== lists.serverHostKey.array[0]);
    const verdict = inner === undefined ? next(payload) : inner(payload, next);
    protocol._skipNextInboundPacket = isWrong;
    return verdict;
  };
}

/** What the client believes will be agreed on, or undefined when it waits for the answer (or sends nonsense). */
function guessOf(kexinit: Buffer): { readonly kex: string; readonly hostKey: string } | undefined {
  const reader = new WireReader(kexinit.subarray(LISTS_START_BYTES));
  const lists = Array.from({ length: LISTS }, () => reader.string()?.toString('latin1'));
  const follows = reader.raw(1)?.[0];
  if (follows === undefined || follows === 0) return undefined;
  const [kex = '', hostKey = ''] = lists.map((list) => list?.split(',', 1)[0]);
  return { kex, hostKey };
}
