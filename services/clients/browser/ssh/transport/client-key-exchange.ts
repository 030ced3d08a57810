// The key exchange (RFC 4253 section 7, RFC 8731, RFC 10042), the client's side, as a state machine of one exchange.
//
//   state     message          next      action
//   offered   KEXINIT          shared    our share is sent if the host did not take the guessed one; it may change its keys from here on
//   shared    KEX_ECDH_REPLY   proved    key, pin and signature are checked; NEWKEYS is sent; we use the new keys
//   proved    NEWKEYS          (over)    the host uses them
//   any       another          fault
// The first offer of a connection has a guess behind it: the share of the preferred method (RFC 4253 section 7.1), which saves the
// way there and back. Nothing but these messages is sent before `proved`.
import { deriveKeys, type ExchangeKeys, exchangeHash } from '../exchange/exchange-keys.ts';
import { checkHostSignature, readHostKey } from '../exchange/host-key.ts';
import { KEX_METHODS, type KexHalf, type KexMethodName, PREFERRED_METHOD } from '../exchange/kex-methods.ts';
import { chooseMethod, encodeOffer } from '../exchange/offer.ts';
import { MESSAGES } from '../wire/messages.ts';
import { SshFault } from '../wire/ssh-fault.ts';
import { SshReader } from '../wire/ssh-reader.ts';
import { SshWriter } from '../wire/ssh-writer.ts';

/** What the first exchange of a connection is made of, and every later one must keep. */
export interface ProvedHost {
  readonly hostKey: Uint8Array;
  readonly sessionId: Uint8Array;
}

export interface ClientKeyExchangeOptions {
  readonly clientLine: string;
  /** Asked once the host has sent something behind it. */
  readonly hostLine: () => string;
  /** Of this connection; undefined in its first exchange. */
  readonly proved: ProvedHost | undefined;
  readonly send: (payload: Uint8Array) => void;
  /** Whether this is the host that was meant. Rejects with a fault if not. Asked in the first exchange only. */
  readonly checkHost: (hostKey: Uint8Array) => Promise<void>;
  /** Of the preferred method, for the guess: in the first exchange, made here if it is left out. */
  readonly firstHalf: Promise<KexHalf> | undefined;
}

export interface NewKeys extends ProvedHost {
  readonly keys: ExchangeKeys;
  readonly method: KexMethodName;
}

type ExchangeState =
  | {
      readonly kind: 'offered';
      readonly clientOffer: Uint8Array;
      /** What is sent, or will be soon, without knowing the host's offer. */
      readonly guess: Promise<KexHalf> | undefined;
    }
  | {
      readonly kind: 'shared';
      readonly clientOffer: Uint8Array;
      readonly hostOffer: Uint8Array;
      readonly method: KexMethodName;
      readonly half: KexHalf;
    }
  | { readonly kind: 'proved' };

/** What a message led to. */
export type ExchangeStep =
  | { readonly kind: 'shared' }
  /** NEWKEYS was not sent yet: the caller sends it, and changes its keys behind it. */
  | ({ readonly kind: 'proved' } & NewKeys)
  | { readonly kind: 'over' };

export class ClientKeyExchange {
  readonly #options: ClientKeyExchangeOptions;
  #state: ExchangeState;

  /** Sends our offer. */
  constructor(options: ClientKeyExchangeOptions) {
    this.#options = options;
    const { firstHalf, proved, send } = options;
    const isFirst = proved === undefined;
    const clientOffer = encodeOffer(isFirst);
    const guess = isFirst ? (firstHalf ?? KEX_METHODS[PREFERRED_METHOD]()) : undefined;
    this.#state = { kind: 'offered', clientOffer, guess };
    send(clientOffer);
    // Whoever waits for the half itself hears that there is none.
    guess?.then(
      (half) => this.#send(half),
      () => undefined,
    );
  }

  /** Whether the host has made its offer: from then on it may send nothing else until its NEWKEYS. */
  get isAnswered(): boolean {
    return this.#state.kind !== 'offered';
  }

  /** Takes a message of the exchange. Rejects with a fault. */
  async receive(payload: Uint8Array): Promise<ExchangeStep> {
    const state = this.#state;
    const message = payload[0];
    if (state.kind === 'offered' && message === MESSAGES.kexInit) return await this.#share(state, payload);
    if (state.kind === 'shared' && message === MESSAGES.kexEcdhReply)
      return await this.#prove(state, payload);
    if (state.kind === 'proved' && message === MESSAGES.newKeys && payload.length === 1)
      return { kind: 'over' };
    throw new SshFault('out_of_place', `message ${message} in a key exchange that is ${state.kind}`);
  }

  async #share(
    { clientOffer, guess }: Extract<ExchangeState, { kind: 'offered' }>,
    payload: Uint8Array,
  ): Promise<ExchangeStep> {
    const hostOffer = Uint8Array.from(payload);
    const { method, isAsGuessed } = chooseMethod(hostOffer);
    const guessed = await guess;
    const isTaken = guessed !== undefined && isAsGuessed;
    // A share that the host has skipped is as fresh as another.
    const half = guessed !== undefined && method === PREFERRED_METHOD ? guessed : await KEX_METHODS[method]();
    this.#state = { kind: 'shared', clientOffer, hostOffer, method, half };
    if (!isTaken) this.#send(half);
    return { kind: 'shared' };
  }

  #send({ share }: KexHalf): void {
    this.#options.send(new SshWriter(MESSAGES.kexEcdhInit).string(share).bytes());
  }

  async #prove(
    { clientOffer, hostOffer, method, half }: Extract<ExchangeState, { kind: 'shared' }>,
    payload: Uint8Array,
  ): Promise<ExchangeStep> {
    const { clientLine, proved, checkHost } = this.#options;
    const hostLine = this.#options.hostLine();
    const reader = new SshReader(payload, 1);
    const hostKey = Uint8Array.from(reader.string());
    const hostShare = reader.string();
    const signature = reader.string();
    reader.end();
    readHostKey(hostKey);
    if (proved !== undefined && !isSame(hostKey, proved.hostKey)) {
      throw new SshFault('wrong_host_key', 'the host changes its key within the connection');
    }
    const secret = await half.secretFrom(hostShare);
    const shares = { clientShare: half.share, hostShare, secret };
    const hash = exchangeHash({ clientLine, hostLine, clientOffer, hostOffer, hostKey, ...shares });
    // The pin first: of another host its signature says nothing.
    if (proved === undefined) await checkHost(hostKey);
    await checkHostSignature(signature, hash, hostKey);
    const sessionId = proved?.sessionId ?? hash;
    this.#state = { kind: 'proved' };
    return { kind: 'proved', hostKey, sessionId, method, keys: deriveKeys(secret, hash, sessionId) };
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
