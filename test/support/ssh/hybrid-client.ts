// A client of mlkem768x25519-sha256 and nothing else, byte by byte (RFC 4253 and 10042), for tests of who answers it.
import {
  createHash,
  createPublicKey,
  decapsulate,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  verify,
} from 'node:crypto';
import { connect } from 'node:net';
import { WireReader } from '../../../services/shared/ssh/strings.ts';
import { ClearPackets, GcmPackets, HungUp, type Packets, takeLine } from './clear-and-gcm-packets.ts';
import { kexinitPayload, sshString } from './ssh-handshake.ts';

export const METHOD = 'mlkem768x25519-sha256';
const IDENTIFICATION = 'SSH-2.0-hybrid_1';
const KEXINIT = 20;
const NEWKEYS = 21;
const INIT = 30;
const REPLY = 31;
/** FIPS 203, table 3. */
const CIPHERTEXT_BYTES = 1088;
/** The type of a KEXINIT and its cookie. */
const LISTS_START_BYTES = 17;

export interface ExchangeOptions {
  /** In its KEXINIT; METHOD alone by default. */
  readonly methods?: string;
  /** Says that a guess follows and sends it: the right one, or this. Then it answers to a wrong one as it should. */
  readonly guess?: 'right' | Buffer;
  /** The first byte of its keys; any by default. */
  readonly firstByte?: number;
  /** Makes what it sends of its two public keys. */
  readonly offer?: (keys: Buffer) => Buffer;
}

/** The new keys are in use. */
export interface Exchanged {
  readonly kind: 'done';
  /** The host has signed the exchange with it. */
  readonly hostKey: Buffer;
  readonly serverMethods: readonly string[];
  /** K, as both sides have it. */
  readonly secret: Buffer;
}

export type ExchangeOutcome = Exchanged | { readonly kind: 'refused' };

/** A connection on which keys are exchanged as often as one likes. */
export interface HybridClient extends Disposable {
  exchange(options?: ExchangeOptions): Promise<ExchangeOutcome>;
  /** Sends a message with the keys that hold, and gives the next one that comes. */
  ask(payload: Buffer): Promise<Buffer>;
}

export async function dialHybrid(port: number): Promise<HybridClient> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => {});
  socket.write(`${IDENTIFICATION}\r\n`);
  const serverIdentification = await takeLine(socket);
  let packets: Packets = new ClearPackets(socket);
  let sessionId: Buffer | undefined;

  async function exchange({
    methods = METHOD,
    guess,
    firstByte,
    offer,
  }: ExchangeOptions): Promise<ExchangeOutcome> {
    const kem = kemPair(firstByte);
    const curve = generateKeyPairSync('x25519');
    const own = Buffer.concat([rawKey(kem.publicKey, 'pub'), rawKey(curve.publicKey, 'x')]);
    const keys = offer?.(own) ?? own;
    const init = Buffer.concat([Buffer.of(INIT), sshString(keys)]);
    const kexinit = kexinitPayload({
      methods,
      ciphers: 'aes128-gcm@openssh.com',
      guess: guess !== undefined,
    });
    packets.send(kexinit);
    if (guess !== undefined) packets.send(guess === 'right' ? init : guess);
    const serverKexinit = await packets.receive(KEXINIT);
    if (guess !== 'right') packets.send(init);
    const [hostKey, answer, signature] = stringsOf((await packets.receive(REPLY)).subarray(1));

    const point = answer.toString('base64url', CIPHERTEXT_BYTES);
    const agreed = diffieHellman({
      privateKey: curve.privateKey,
      publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: point }, format: 'jwk' }),
    });
    const secret = sha256(decapsulate(kem.privateKey, answer.subarray(0, CIPHERTEXT_BYTES)), agreed);
    const signed = [
      IDENTIFICATION,
      serverIdentification,
      kexinit,
      serverKexinit,
      hostKey,
      keys,
      answer,
      secret,
    ];
    const hash = sha256(...signed.map((field) => sshString(field)));
    checkSignature(hostKey, hash, signature);
    packets.send(Buffer.of(NEWKEYS));
    await packets.receive(NEWKEYS);

    sessionId ??= hash;
    const session = sessionId;
    const derived = (letter: string, bytes: number): Buffer =>
      sha256(sshString(secret), hash, Buffer.from(letter), session).subarray(0, bytes);
    packets = new GcmPackets(socket, {
      sent: { nonce: derived('A', 12), key: derived('C', 16) },
      received: { nonce: derived('B', 12), key: derived('D', 16) },
    });
    const [serverMethods] = stringsOf(serverKexinit.subarray(LISTS_START_BYTES));
    return { kind: 'done', hostKey, serverMethods: serverMethods.toString().split(','), secret };
  }

  return {
    exchange: async (options = {}) =>
      await exchange(options).catch((error: unknown): ExchangeOutcome => {
        if (error instanceof HungUp) return { kind: 'refused' };
        throw error;
      }),
    ask: async (payload) => {
      packets.send(payload);
      return await packets.receive();
    },
    [Symbol.dispose]: () => {
      socket.destroy();
    },
  };
}

function kemPair(firstByte: number | undefined): { publicKey: KeyObject; privateKey: KeyObject } {
  const pair = generateKeyPairSync('ml-kem-768');
  return firstByte === undefined || rawKey(pair.publicKey, 'pub')[0] === firstByte
    ? pair
    : kemPair(firstByte);
}

function rawKey(key: KeyObject, field: 'pub' | 'x'): Buffer {
  return Buffer.from(String(key.export({ format: 'jwk' })[field]), 'base64url');
}

/** The first three. */
function stringsOf(bytes: Buffer): [Buffer, Buffer, Buffer] {
  const reader = new WireReader(bytes);
  const next = (): Buffer => reader.string() ?? Buffer.alloc(0);
  return [next(), next(), next()];
}

/** Of an Ed25519 key. */
function checkSignature(hostKey: Buffer, hash: Buffer, signature: Buffer): void {
  const x = stringsOf(hostKey)[1].toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  if (!verify(null, hash, key, stringsOf(signature)[1]))
    throw new Error('the host has signed something else');
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}
