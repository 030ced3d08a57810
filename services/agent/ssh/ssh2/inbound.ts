// The inbound messages of one connection: a place to look at each, and to take it, before ssh2 does.
import type { Connection } from 'ssh2';
import { type DecipherVerdict, fieldsOf } from './fields.ts';

/** RFC 4250 section 4.1.2. */
export const MESSAGE = {
  DISCONNECT: 1,
  IGNORE: 2,
  UNIMPLEMENTED: 3,
  DEBUG: 4,
  SERVICE_REQUEST: 5,
  EXT_INFO: 7,
  KEXINIT: 20,
  USERAUTH_REQUEST: 50,
  CHANNEL_OPEN: 90,
  CHANNEL_OPEN_CONFIRMATION: 91,
  CHANNEL_WINDOW_ADJUST: 93,
  CHANNEL_DATA: 94,
  CHANNEL_REQUEST: 98,
} as const;

type Next = (payload: Buffer) => DecipherVerdict;

/** What is done with a message instead of handing it to ssh2; `next` does that. The payload's first byte is the type. */
export type Interceptor = (payload: Buffer, next: Next) => DecipherVerdict;

/** By message type. An interceptor must copy what it keeps of a payload. */
export type Interceptors = (Interceptor | undefined)[];

/**
 * Lets `interceptors` see every payload after the first key exchange, and each that starts a key exchange; `inExchange` sees
 * those during one. To be called from the server's `connection` event, when only the client's identification has come. An
 * interceptor that ends the connection must return the verdict of `disconnect`: deciphering on would use freed memory. Nothing is
 * deciphered after ssh2 itself has ended it either.
 * Upstream: Protocol would have to take a function that is asked before MESSAGE_HANDLERS, with the sequence number; and `parse` in
 * lib/protocol/kex.js to return what `finish` does.
 */
export function interceptInbound(
  connection: Connection,
  interceptors: Interceptors,
  inExchange: Interceptors,
): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const startsExchange = inExchange.slice();
  startsExchange[MESSAGE.KEXINIT] = (payload, next) => {
    const verdict = (interceptors[MESSAGE.KEXINIT] ?? passOn)(payload, next);
    // A later exchange swaps the function of the decipher.
    watchDecipher();
    return verdict;
  };
  const watched = new WeakSet<Next>();

  function watch(original: Next, table: (type: number) => Interceptor | undefined): Next {
    const watching: Next = (payload) => {
      const intercept = table(payload[0] ?? 0);
      const verdict = intercept === undefined ? original(payload) : intercept(payload, original);
      // ssh2 loses the verdict where a later exchange fails over the client's keys.
      return protocol._destruct === undefined ? Number.POSITIVE_INFINITY : verdict;
    };
    watched.add(watching);
    return watching;
  }

  function watchDecipher(): void {
    const { _decipher: decipher } = protocol;
    if (watched.has(decipher._onPayload)) return;
    decipher._onPayload = watch(decipher._onPayload, (type) => startsExchange[type]);
  }

  watchDecipher();
  protocol._onPayload = watch(protocol._onPayload, (type) =>
    type === MESSAGE.KEXINIT ? startsExchange[type] : interceptors[type],
  );
}

function passOn(payload: Buffer, next: Next): DecipherVerdict {
  return next(payload);
}
