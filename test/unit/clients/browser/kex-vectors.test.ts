// The hybrid exchange against published values, and by every kind of primitives that a page may have.
import { createHash, createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { answerHybrid } from '../../../../services/agent/ssh/ssh2/hybrid-secret.ts';
import { KEX_METHODS } from '../../../../services/clients/browser/ssh/exchange/kex-methods.ts';
import { LIBRARY_PRIMITIVES } from '../../../../services/clients/browser/ssh/exchange/library-primitives.ts';
import {
  type ExchangePrimitives,
  PAGE_PRIMITIVES,
  WEB_PRIMITIVES,
} from '../../../../services/clients/browser/ssh/exchange/primitives.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import { proveHost } from '../../../support/page-client/page-session.ts';
import { CURVE, MLKEM, ScriptedHost } from '../../../support/page-client/scripted-host.ts';
import { MLKEM768_VECTOR as KEM, X25519_VECTOR as X25519 } from '../../../support/ssh/hybrid-vectors.ts';

const sha256 = (...parts: readonly Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest();

/** OpenSSL's, of the first person in RFC 7748. */
function agreeAsAlice(theirs: Uint8Array): Buffer {
  const head = Buffer.from('302e020100300506032b656e04220420', 'hex');
  const key = Buffer.concat([head, X25519.alice]);
  const point = Buffer.from(theirs).toString('base64url');
  return diffieHellman({
    privateKey: createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: point }, format: 'jwk' }),
  });
}

interface KemSubtle {
  importKey(
    format: 'raw-seed',
    seed: Uint8Array,
    name: string,
    isOpen: boolean,
    uses: string[],
  ): Promise<object>;
  getPublicKey(key: object, uses: string[]): Promise<object>;
  exportKey(format: 'raw-public', key: object): Promise<ArrayBuffer>;
  decapsulateBits(name: string, key: object, ciphertext: Uint8Array): Promise<ArrayBuffer>;
}
const subtle = crypto.subtle as unknown as KemSubtle;
const kemKey = await subtle.importKey('raw-seed', KEM.seed, 'ML-KEM-768', false, ['decapsulateBits']);
const kemShare = Buffer.from(
  await subtle.exportKey('raw-public', await subtle.getPublicKey(kemKey, ['encapsulateBits'])),
);
const decapsulate = async (ciphertext: Uint8Array): Promise<Buffer> =>
  Buffer.from(await subtle.decapsulateBits('ML-KEM-768', kemKey, ciphertext));
/** With the keys of the published values in place of random ones. */
const PUBLISHED: ExchangePrimitives = {
  makeX25519: async () => ({ share: X25519.aliceShare, secretFrom: async (theirs) => agreeAsAlice(theirs) }),
  makeMlkem768: async () => ({
    share: kemShare,
    secretFrom: decapsulate,
  }),
  verifyEd25519: LIBRARY_PRIMITIVES.verifyEd25519,
};

test('the page makes of the published values what RFC 10042 makes of them', async () => {
  const half = await KEX_METHODS[MLKEM](PUBLISHED);
  const share = Buffer.from(half.share);
  expect([share.length, share.subarray(0, 16), share.subarray(1_173, 1_184), share.subarray(1_184)]).toEqual([
    1_216,
    KEM.shareBegins,
    KEM.shareEnds,
    X25519.aliceShare,
  ]);
  const secret = await half.secretFrom(Buffer.concat([KEM.ciphertext, X25519.bobShare]));
  expect(Buffer.from(secret)).toEqual(wireString(sha256(KEM.secret, X25519.secret)));
});

test('the agent answers the published keys, and whoever has their other halves knows its secret', async () => {
  const { reply, secret } = answerHybrid(Buffer.concat([kemShare, X25519.aliceShare]));
  expect(reply).toHaveLength(1_088 + 32);
  const quantum = await decapsulate(reply.subarray(0, 1_088));
  expect(secret).toEqual(sha256(quantum, agreeAsAlice(reply.subarray(1_088))));
});

const KINDS = [
  ['the browser', WEB_PRIMITIVES],
  ['the library', LIBRARY_PRIMITIVES],
  ['whichever is there', PAGE_PRIMITIVES],
] as const;

test.each(KINDS)('a half by %s agrees with the agent, and anew each time', async (_what, primitives) => {
  const shares = new Set<string>();
  for (let turn = 0; turn < 3; turn += 1) {
    const { share, secretFrom } = await KEX_METHODS[MLKEM](primitives);
    shares.add(Buffer.from(share).toString('hex'));
    const { reply, secret } = answerHybrid(Buffer.from(share));
    expect(Buffer.from(await secretFrom(reply))).toEqual(wireString(secret));
  }
  expect(shares.size).toBe(3);
});

test.each(KINDS)('a point of low order is refused by %s', async (_what, primitives) => {
  const half = await KEX_METHODS[CURVE](primitives);
  for (const first of [0, 1]) {
    const point = Buffer.alloc(32);
    point[0] = first;
    await expect(half.secretFrom(point)).rejects.toMatchObject({ code: 'bad_share' });
  }
});

test.each(KINDS)('a signature is checked by %s, to the bit', async (_what, { verifyEd25519 }) => {
  const key = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  if (!('privateKey' in key)) throw new Error('no pair');
  const data = Buffer.from('what is signed');
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', key.privateKey, data));
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', key.publicKey));
  expect(await verifyEd25519(signature, data, publicKey)).toBe(true);
  const flipped = signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte));
  expect(await verifyEd25519(flipped, data, publicKey)).toBe(false);
  expect(await verifyEd25519(signature, Buffer.from('what is Signed'), publicKey)).toBe(false);
});

test('a browser without these primitives is served by the library', async () => {
  const nothing = new DOMException('unknown', 'NotSupportedError');
  using _spy = vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(nothing);
  const { share, secretFrom } = await KEX_METHODS[MLKEM]();
  const { reply, secret } = answerHybrid(Buffer.from(share));
  expect(Buffer.from(await secretFrom(reply))).toEqual(wireString(secret));
});

test('what was guessed is sent once, before the host has said anything, and taken', async () => {
  const host = new ScriptedHost(MLKEM);
  const proving = proveHost(host.line);
  const offer = await host.next();
  expect([offer[0], saysGuess(offer)]).toEqual([20, true]);
  const guess = await host.next();
  expect([guess[0], guess.length]).toEqual([30, 1 + 4 + 1_216]);
  expect(host.heard).toEqual([20, 30]);
  host.send(Buffer.of(31));
  await expect(proving).rejects.toMatchObject({ code: 'out_of_place' });
});

test('a host that would rather see another key skips the guess, and gets the same share again', async () => {
  const host = new ScriptedHost(MLKEM);
  const proving = proveHost(host.line);
  await host.exchange({ offer: (offer) => withHostKeys(offer, 'rsa-sha2-512,ssh-ed25519') });
  expect((await proving).host.method).toBe(MLKEM);
  expect(host.heard).toEqual([20, 30, 30, 21]);
});

test('a later exchange guesses nothing: the host may be sending', async () => {
  const host = new ScriptedHost(MLKEM);
  const proving = proveHost(host.line);
  await host.exchange();
  const { transport } = await proving;
  transport.rekey();
  await host.exchange();
  expect(host.heard).toEqual([20, 30, 21, 20, 30, 21]);
  await transport.ready();
  transport.rekey();
  // A share that was sent early all the same would be in the place of another message above.
  expect(saysGuess(await host.next())).toBe(false);
});

/** first_kex_packet_follows of a KEXINIT. */
function saysGuess(offer: Buffer): boolean {
  return offer.at(-5) === 1;
}

/** KEXINIT with another list of host keys. */
function withHostKeys(offer: Buffer, names: string): Buffer {
  const first = 17 + 4 + offer.readUInt32BE(17);
  const second = first + 4 + offer.readUInt32BE(first);
  return Buffer.concat([offer.subarray(0, first), wireString(names), offer.subarray(second)]);
}
