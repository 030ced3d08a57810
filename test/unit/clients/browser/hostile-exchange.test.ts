// Hosts that lie in the key exchange: each is refused, and has been sent nothing but the exchange.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { pinOf } from '../../../../services/clients/browser/ssh/exchange/host-key.ts';
import { SshFault as Fault, type SshFault } from '../../../../services/clients/browser/ssh/wire/ssh-fault.ts';
import { wireString } from '../../../../services/shared/ssh/strings.ts';
import { proveHost } from '../../../support/page-client/page-session.ts';
import {
  CURVE,
  honestOffer,
  type Lies,
  MLKEM,
  makeScriptedKey,
  ScriptedHost,
} from '../../../support/page-client/scripted-host.ts';
import { makeTestKey } from '../../../support/ssh/test-key.ts';

/** To a host of this method: what was guessed is for the preferred one. */
const kexMessages = (method: string): readonly number[] => (method === MLKEM ? [20, 30] : [20, 30, 30]);

/** What the client says of a host that lies so; and nothing but its part of the exchange has left it. */
async function refusalOf(lies: Lies, host = new ScriptedHost()): Promise<SshFault> {
  const proving = proveHost(host.line).then(
    () => undefined,
    (fault: unknown) => fault as SshFault,
  );
  const played = host.exchange(lies).catch(() => undefined);
  const fault = await proving;
  await played;
  expect(fault).toBeInstanceOf(Fault);
  expect(host.isLeft).toBe(true);
  expect(kexMessages(host.method).slice(0, host.heard.length)).toEqual(host.heard);
  return fault as SshFault;
}

test.each([MLKEM, CURVE])('an honest host is taken, by %s', async (method) => {
  const host = new ScriptedHost(method);
  const seen: string[] = [];
  const proving = proveHost(host.line, { checkHost: async (key) => void seen.push(pinOf(key)) });
  await host.exchange();
  const { host: proved } = await proving;
  expect(proved.method).toBe(method);
  expect(host.heard).toEqual([...kexMessages(method), 21]);
  const digest = createHash('sha256').update(host.key.blob).digest('base64').replace(/=+$/, '');
  expect(seen).toEqual([`SHA256:${digest}`]);
});

test('a host with another key is refused before its signature counts, and NEWKEYS is not sent', async () => {
  const host = new ScriptedHost();
  const proving = proveHost(host.line, {
    checkHost: async () => {
      throw new Fault('wrong_host_key', 'another host');
    },
  });
  const refused = expect(proving).rejects.toMatchObject({ code: 'wrong_host_key' });
  await host.exchange({ signature: () => Buffer.alloc(0) }).catch(() => undefined);
  await refused;
  expect(host.heard).toEqual([20, 30]);
});

test('while a person looks at the key, nothing is sent', async () => {
  const host = new ScriptedHost();
  const looking = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const proving = proveHost(host.line, {
    checkHost: async () => {
      asked.resolve();
      await looking.promise;
    },
  });
  const played = host.exchange();
  await asked.promise;
  expect(host.heard).toEqual([20, 30]);
  looking.resolve();
  await played;
  await proving;
  expect(host.heard).toEqual([20, 30, 21]);
});

const other = makeScriptedKey();
const flip = (at: number) => (bytes: Buffer) => {
  const flipped = Buffer.from(bytes);
  const place = at < 0 ? bytes.length + at : at;
  flipped.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  return flipped;
};

test.each<[string, Lies]>([
  ['with one bit changed', { signature: flip(-1) }],
  ['by another key', { hostKey: other.blob }],
  ['of another type', { signature: (bytes) => Buffer.concat([wireString('ssh-rsa'), bytes.subarray(15)]) }],
  [
    'that is too short',
    { signature: () => Buffer.concat([wireString('ssh-ed25519'), wireString(Buffer.alloc(63))]) },
  ],
  ['of zeros', { signature: () => Buffer.concat([wireString('ssh-ed25519'), wireString(Buffer.alloc(64))]) }],
])('a signature %s is refused', async (_what, lies) => {
  expect((await refusalOf(lies)).code).toBe('bad_signature');
});

test('a signature over an offer that the client was not sent is refused: nobody can talk both ends down', async () => {
  // The host signs what it believes to have offered; on the way a relay took the better method out.
  const host = new ScriptedHost(CURVE);
  const withBetter = honestOffer(`${MLKEM},${CURVE}`);
  const fault = await refusalOf(
    { offer: () => withBetter, beforeOffer: (own) => swapOffer(own, honestOffer(CURVE)) },
    host,
  );
  expect(fault.code).toBe('bad_signature');
});

/** What goes out in place of the offer that is hashed. */
function swapOffer(host: ScriptedHost, sent: Buffer): void {
  const send = host.send.bind(host);
  host.send = (payload) => send(payload[0] === 20 ? sent : payload);
}

test.each([
  ['ssh-rsa', makeTestKey('ssh-rsa', 1_024).blob],
  ['ecdsa-sha2-nistp256', makeTestKey('ecdsa-sha2-nistp256').blob],
  ['a security key', makeTestKey('sk-ssh-ed25519@openssh.com').blob],
])('a host key of another type is refused: %s', async (_type, blob) => {
  expect((await refusalOf({ hostKey: blob })).code).toBe('wrong_host_key');
});

test.each<[string, Buffer]>([
  ['with bytes behind it', Buffer.concat([other.blob, Buffer.of(0)])],
  ['of 31 bytes', Buffer.concat([wireString('ssh-ed25519'), wireString(Buffer.alloc(31, 9))])],
  ['that ends early', other.blob.subarray(0, 30)],
])('a host key %s is refused', async (_what, hostKey) => {
  expect((await refusalOf({ hostKey })).code).toMatch(/malformed|too_big/);
});

const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => Buffer.from(hex, 'hex'));

test.each(LOW_ORDER.map((point) => [point.toString('hex'), point] as const))(
  'a point of low order is refused, in either method: %s',
  async (_hex, point) => {
    expect((await refusalOf({ share: () => point }, new ScriptedHost(CURVE))).code).toBe('bad_share');
    const hybrid = (share: Buffer): Buffer => Buffer.concat([share.subarray(0, -32), point]);
    expect((await refusalOf({ share: hybrid })).code).toBe('bad_share');
  },
);

test.each<[string, string, (share: Buffer) => Buffer]>([
  ['a share without its curve', MLKEM, (share) => share.subarray(0, 1_088)],
  ['a ciphertext that is a byte short', MLKEM, (share) => share.subarray(1)],
  ['a ciphertext that is a byte long', MLKEM, (share) => Buffer.concat([Buffer.of(0), share])],
  ['no share', MLKEM, () => Buffer.alloc(0)],
  ['a point of 31 bytes', CURVE, (share) => share.subarray(1)],
  ['a point of 33 bytes', CURVE, (share) => Buffer.concat([share, Buffer.of(0)])],
])('%s is refused', async (_what, method, share) => {
  expect((await refusalOf({ share }, new ScriptedHost(method))).code).toBe('bad_share');
});

test('a ciphertext that was altered makes another secret, so that the signature does not fit', async () => {
  // What was signed is what came, so only the secret differs: ML-KEM rejects in silence (FIPS 203).
  expect((await refusalOf({ share: flip(100) })).code).toBe('bad_signature');
});

test.each<[string, Buffer]>([
  ['key exchange', honestOffer('diffie-hellman-group14-sha256,sntrup761x25519-sha512')],
  ['host key', honestOffer(MLKEM, { hostKey: 'rsa-sha2-512,ecdsa-sha2-nistp256' })],
  ['cipher', honestOffer(MLKEM, { cipher: 'chacha20-poly1305@openssh.com,aes256-ctr' })],
  ['compression', honestOffer(MLKEM, { pack: 'zlib@openssh.com' })],
])('a host without our %s is refused by that word', async (what, offer) => {
  const fault = await refusalOf({ offer: () => offer });
  expect(fault).toMatchObject({ code: 'no_common_algorithm', message: expect.stringContaining(what) });
});

const IGNORE = Buffer.concat([Buffer.of(2), wireString('padding')]);

test.each<[string, Lies]>([
  ['before the offer', { beforeOffer: (host) => host.send(IGNORE) }],
  ['before the reply', { beforeReply: (host) => host.send(IGNORE) }],
  ['before NEWKEYS', { beforeNewKeys: (host) => host.send(IGNORE) }],
  [
    'before NEWKEYS, as DEBUG',
    { beforeNewKeys: (host) => host.send(Buffer.concat([Buffer.of(4, 0), Buffer.alloc(8)])) },
  ],
  ['before NEWKEYS, as EXT_INFO', { beforeNewKeys: (host) => host.send(Buffer.of(7, 0, 0, 0, 0)) }],
])('a message that was slipped in %s is refused (Terrapin)', async (_where, lies) => {
  const host = new ScriptedHost();
  const proving = proveHost(host.line).catch((fault: unknown) => fault);
  const played = host.exchange(lies).catch(() => undefined);
  expect(await proving).toMatchObject({ code: 'out_of_place' });
  await played;
  expect(host.heard.every((message) => [20, 30, 21].includes(message))).toBe(true);
});

test.each<[string, Lies]>([
  ['a second offer', { beforeReply: (host) => host.send(honestOffer(MLKEM)) }],
  ['NEWKEYS before the reply', { beforeReply: (host) => host.send(Buffer.of(21)) }],
  ['a reply in place of the offer', { offer: () => Buffer.of(31, 0, 0, 0, 0) }],
])('%s is refused', async (_what, lies) => {
  expect((await refusalOf(lies)).code).toBe('out_of_place');
});

test.each<[string, Lies]>([
  [
    'a guessed packet',
    { offer: (offer) => Buffer.concat([offer.subarray(0, -5), Buffer.of(1, 0, 0, 0, 0)]) },
  ],
  ['an offer that ends early', { offer: (offer) => offer.subarray(0, 40) }],
  ['an offer with bytes behind it', { offer: (offer) => Buffer.concat([offer, Buffer.of(0)]) }],
  ['a list with an empty name', { offer: () => honestOffer(`,${MLKEM}`) }],
  ['a reply with bytes behind it', { reply: (reply) => Buffer.concat([reply, Buffer.of(0)]) }],
  ['a reply that ends early', { reply: (reply) => reply.subarray(0, -1) }],
])('%s is refused', async (_what, lies) => {
  expect((await refusalOf(lies)).code).toMatch(/malformed|out_of_place/);
});

test('keys that the browser has taken over are left nowhere else', async () => {
  const host = new ScriptedHost();
  const proving = proveHost(host.line);
  await host.exchange();
  const { keys } = (await proving).host;
  expect([...keys.toHost.key, ...keys.fromHost.key]).toEqual(Array(64).fill(0));
});
