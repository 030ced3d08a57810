// The key exchange mlkem768x25519-sha256, as a client sees it that has nothing of ssh2.
import { afterEach, expect, test } from 'vitest';
import { fingerprintOf } from '../../../services/shared/ssh/fingerprint.ts';
import { formatFingerprint } from '../../../services/shared/ssh/fingerprint-text.ts';
import { dialHybrid, type Exchanged, type HybridClient, METHOD } from '../../support/ssh/hybrid-client.ts';
import { sshString } from '../../support/ssh/ssh-handshake.ts';
import { type SshHost, startSshHost } from '../../support/ssh/ssh-host.ts';
import { message } from '../../support/ssh/ssh-messages.ts';
import { until } from '../../support/time/poll.ts';

const SERVICE_REQUEST = message(5, 'ssh-userauth');
const SERVICE_ACCEPT = message(6, 'ssh-userauth');
/** Of another method, so that it must not be taken for the client's keys. */
const OTHER_GUESS = Buffer.concat([Buffer.of(30), sshString(Buffer.alloc(32, 9))]);
const KEM_KEY_BYTES = 1184;
/** Of X25519, little-endian, as the papers on its small subgroup have it. */
const POINT_OF_ORDER_8 = 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800';

let host: SshHost;

afterEach(async () => {
  await host.stop();
});

async function exchanged(...exchange: Parameters<HybridClient['exchange']>): Promise<Exchanged> {
  using client = await dialHybrid(host.port);
  const outcome = await client.exchange(...exchange);
  if (outcome.kind !== 'done') throw new Error('the exchange was refused');
  expect(await client.ask(SERVICE_REQUEST)).toEqual(SERVICE_ACCEPT);
  return outcome;
}

test('is offered before all others, signed by the host key, and its keys are those of both sides', async () => {
  host = await startSshHost();
  const { hostKey, serverMethods } = await exchanged();
  expect(serverMethods[0]).toBe(METHOD);
  expect(serverMethods).toContain('curve25519-sha256');
  expect(serverMethods).toContain('kex-strict-s-v00@openssh.com');
  expect(formatFingerprint(fingerprintOf(hostKey))).toBe(host.fingerprint);
});

test('takes the secret as a string, whatever its first bit', async () => {
  host = await startSshHost();
  // As an mpint it would have a byte more in half of all cases.
  const seen = new Set<boolean>();
  while (seen.size < 2) seen.add(((await exchanged()).secret[0] ?? 0) >= 0x80);
});

test.each([
  ['its own name behind one that nobody knows', { methods: `nobody-knows,${METHOD}` }],
  ['other names behind it', { methods: `${METHOD},curve25519-sha256,kex-strict-c-v00@openssh.com` }],
  ['keys that begin with zero, which an mpint would not have', { firstByte: 0 }],
  ['a guess that is right', { guess: 'right' }],
  ['a guess that is wrong', { methods: `nobody-knows,${METHOD}`, guess: OTHER_GUESS }],
] as const)('goes on with %s, in the first and in a later exchange', async (_name, options) => {
  host = await startSshHost();
  using client = await dialHybrid(host.port);
  const secrets = new Set<string>();
  for (let turn = 0; turn < 3; turn++) {
    const outcome = await client.exchange(options);
    expect(outcome.kind).toBe('done');
    expect(await client.ask(SERVICE_REQUEST)).toEqual(SERVICE_ACCEPT);
    if (outcome.kind === 'done') secrets.add(outcome.secret.toString('hex'));
  }
  expect(secrets.size).toBe(3);
});

test.each<[string, (keys: Buffer) => Buffer]>([
  ['a byte too few', (keys) => keys.subarray(0, -1)],
  ['a byte too many', (keys) => Buffer.concat([keys, Buffer.alloc(1)])],
  ['the key of X25519 alone', (keys) => keys.subarray(KEM_KEY_BYTES)],
  ['nothing', () => Buffer.alloc(0)],
  ['a number of ML-KEM that is not reduced', (keys) => withFirstNumber(keys, 3329)],
  ['a point of X25519 that is zero', (keys) => withPoint(keys, '00'.repeat(32))],
  ['a point of X25519 that is one', (keys) => withPoint(keys, `01${'00'.repeat(31)}`)],
  ['a point of X25519 of order 8', (keys) => withPoint(keys, POINT_OF_ORDER_8)],
])('is refused for %s, also in a later exchange', async (_name, offer) => {
  host = await startSshHost();
  using first = await dialHybrid(host.port);
  expect(await first.exchange({ offer })).toEqual({ kind: 'refused' });
  using later = await dialHybrid(host.port);
  expect(await later.exchange()).toMatchObject({ kind: 'done' });
  expect(await later.exchange({ offer })).toEqual({ kind: 'refused' });
  const faults = (): unknown[] => host.logs.filter(({ event }) => event === 'connection failed');
  await until('both are in the log', () => faults().length === 2);
  expect(faults()[0]).toMatchObject({
    fields: { level: 'handshake', error: expect.stringContaining(METHOD) },
  });
});

test('takes the greatest number of ML-KEM that is reduced', async () => {
  host = await startSshHost();
  // The client cannot know the secret of a key that it has changed, but it gets its answer. Its own number ends in other bits.
  using client = await dialHybrid(host.port);
  const changed = client.exchange({ firstByte: 1, offer: (keys) => withFirstNumber(keys, 3328) });
  await expect(changed).rejects.toThrow('signed something else');
});

/** Two numbers of 12 bits are three bytes, the lower bits first (FIPS 203, algorithm 6). */
function withFirstNumber(keys: Buffer, value: number): Buffer {
  const changed = Buffer.from(keys);
  changed.writeUInt16LE((changed.readUInt16LE() & 0xf000) | value);
  return changed;
}

function withPoint(keys: Buffer, point: string): Buffer {
  return Buffer.concat([keys.subarray(0, KEM_KEY_BYTES), Buffer.from(point, 'hex')]);
}
