// The key exchange mlkem768x25519-sha256 (RFC 10042), which ssh2 does not know.
import type { Connection } from 'ssh2';
import { WireReader, wireString } from '#shared/ssh/strings.ts';
import { type ExchangeFields, fieldsOf, type OfferFields } from './fields.ts';
import { answerHybrid } from './hybrid-secret.ts';
import { type Interceptors, MESSAGE } from './inbound.ts';

export const HYBRID_METHOD = 'mlkem768x25519-sha256';
/** What ssh2 does in its place: the messages, their order and the hash are the same. */
const STAND_IN = 'curve25519-sha256';
/** The type and a random cookie. */
const LISTS_START_BYTES = 1 + 16;

/**
 * Offers the method before all others, and does it when the client's list says so. ssh2 is shown a KEXINIT in which its stand-in is
 * agreed on instead; then the exchange that it has made gets the client's own KEXINIT, which is part of what is signed, and the
 * keys and the secret of the method. To be called before ssh2 sends its KEXINIT, and before anything else asks for that message.
 * Upstream: createKeyExchange in lib/protocol/kex.js would have to know the method, and not make an mpint of its secret.
 */
export function offerHybrid(connection: Connection, interceptors: Interceptors): void {
  const { _protocol: protocol } = fieldsOf(connection);
  const { _offer: offer } = protocol;
  offerFirst(offer, HYBRID_METHOD);
  interceptors[MESSAGE.KEXINIT] = (payload, next) => {
    const methods = methodsOf(payload);
    if (methods.find((method) => offer.lists.kex.array.includes(method)) !== HYBRID_METHOD)
      return next(payload);
    const before = protocol._kex;
    const verdict = next(withStandIn(payload, methods));
    const { _kex: exchange } = protocol;
    // The client may have been refused over something else in its KEXINIT.
    if (exchange !== undefined && exchange !== before) makeHybrid(exchange, Buffer.from(payload));
    return verdict;
  };
}

/** As the constructor of KexInit in lib/protocol/kex.js has put the names together: this list is the first one in `all`. */
function offerFirst(offer: OfferFields, method: string): void {
  const { lists } = offer;
  const others = lists.all.subarray(wireString(lists.kex.buffer).length);
  const array = [method, ...lists.kex.array];
  const buffer = Buffer.from(array.join(','));
  lists.kex = { array, buffer };
  lists.all = Buffer.concat([wireString(buffer), others]);
  offer.totalSize = lists.all.length;
}

/** None when it is malformed. */
function methodsOf(kexinit: Buffer): string[] {
  const list = new WireReader(kexinit.subarray(LISTS_START_BYTES)).string();
  return list?.toString('latin1').split(',') ?? [];
}

function withStandIn(kexinit: Buffer, methods: readonly string[]): Buffer {
  const list = methods.map((method) => (method === HYBRID_METHOD ? STAND_IN : method)).join(',');
  const head = kexinit.subarray(0, LISTS_START_BYTES);
  const rest = new WireReader(kexinit.subarray(LISTS_START_BYTES));
  rest.string();
  return Buffer.concat([head, wireString(Buffer.from(list, 'latin1')), rest.rest()]);
}

/** ssh2 computes the secret before it asks for the key that it sends. */
function makeHybrid(exchange: ExchangeFields, kexinit: Buffer): void {
  let reply: Buffer = Buffer.alloc(0);
  exchange.type = HYBRID_METHOD;
  exchange.negotiated.kex = HYBRID_METHOD;
  exchange._remoteKexinit = kexinit;
  exchange.convertPublicKey = (key) => key;
  exchange.getPublicKey = () => reply;
  exchange.computeSecret = (offer) => {
    try {
      const answer = answerHybrid(offer);
      ({ reply } = answer);
      return answer.secret;
    } catch (error) {
      return error as Error;
    }
  };
}
