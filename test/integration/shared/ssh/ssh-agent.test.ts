// The ssh-agent as a signer: OpenSSH's own, and agents that are locked, gone, silent, or send what no agent should.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { CHALLENGE_TTL_MS, makeChallenge } from '../../../../services/relay/identity/challenge.ts';
import { checkKeyProof, type KeyProofContext } from '../../../../services/relay/identity/key-proof.ts';
import type { SignedFacts } from '../../../../services/shared/protocol/identity.ts';
import {
  bytesToSign,
  type KeySigner,
  type SignedProof,
  signersFor,
} from '../../../../services/shared/signing/signer.ts';
import {
  MAX_SSH_AGENT_KEYS,
  SSH_AGENT_LIST_WITHIN_MS,
  SSH_AGENT_SIGN_WITHIN_MS,
  signersFromSshAgent,
} from '../../../../services/shared/signing/ssh-agent.ts';
import { MAX_SSH_AGENT_ANSWER_BYTES } from '../../../../services/shared/signing/ssh-agent-request.ts';
import { readCertificate } from '../../../../services/shared/ssh/certificate.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { wireString, wireUint32 } from '../../../../services/shared/ssh/strings.ts';
import { ensureCommands } from '../../../support/machine/test-commands.ts';
import { listening } from '../../../support/network/ports.ts';
import { makeKeyFile } from '../../../support/ssh/key-file.ts';
import { startSshAgent } from '../../../support/ssh/ssh-agent.ts';
import { certify, readPublicBlob, sshAdd } from '../../../support/ssh/ssh-keygen.ts';
import { makeTestKey } from '../../../support/ssh/test-key.ts';
import { ManualClock } from '../../../support/time/manual-clock.ts';

const SEAL = new ClusterKey(['secret']);
const NOW = Date.now();
const FACTS: SignedFacts = {
  audience: 'https://converge.example.com',
  role: 'client',
  id: 'lab.printer',
  claimHash: '',
  challenge: makeChallenge(SEAL, NOW),
};
const CONTEXT = { ...FACTS, address: '192.0.2.7', now: NOW, seal: SEAL };

function namedBy(blob: Buffer): Pick<KeyProofContext, 'keys' | 'authorities'> {
  const reading = readCertificate(blob);
  const authority = reading.kind === 'read' ? [keyFingerprint(reading.certificate.authority.blob)] : [];
  return { keys: [keyFingerprint(blob)], authorities: authority };
}

let folder = '';

beforeAll(async () => {
  await ensureCommands(['ssh-keygen', 'ssh-agent', 'ssh-add']);
  folder = await mkdtemp(join(tmpdir(), 'converge-agent-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

async function signersAt(socketPath: string): Promise<readonly KeySigner[]> {
  const found = await signersFromSshAgent(socketPath);
  if (found.kind === 'unusable') throw new Error(found.message);
  return found.signers;
}

/** The one signer that an agent has. */
async function onlySigner(socketPath: string): Promise<KeySigner> {
  const [signer, ...others] = await signersAt(socketPath);
  if (signer === undefined || others.length > 0) throw new Error('not one signer');
  return signer;
}

/** What a relay says of a proof whose rules name that key or that authority. */
function verdictOf(proof: SignedProof): unknown {
  if (proof.kind === 'unsigned') return proof.message;
  const { identity } = proof;
  return identity.kind === 'key' || identity.kind === 'certificate'
    ? checkKeyProof(identity, { ...CONTEXT, ...namedBy(identity.blob) })
    : identity;
}

test('the keys and certificates of an ssh-agent sign, each as itself', async () => {
  await using agent = await startSshAgent(at('s1'));
  await makeKeyFile(at('authority'));
  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
    await makeKeyFile(at(type), type);
    await certify(at('authority'), at(type), ['-I', `id of ${type}`, '-n', 'jane', '-V', '-1h:+1h']);
    await sshAdd(agent.socketPath, [at(type)]);
  }
  const signers = await signersAt(agent.socketPath);
  expect(signers.map(({ kind }) => kind)).toEqual([
    'key',
    'certificate',
    'key',
    'certificate',
    'key',
    'certificate',
  ]);
  for (const [index, type] of (['ed25519', 'ecdsa', 'rsa'] as const).entries()) {
    const [key, certificate] = signers.slice(2 * index);
    const fingerprint = keyFingerprint(await readPublicBlob(`${at(type)}.pub`));
    expect(key?.fingerprint).toBe(fingerprint);
    expect(verdictOf((await key?.sign(FACTS)) as SignedProof)).toMatchObject({
      kind: 'verified',
      identity: { kind: 'key', fingerprint },
    });
    expect(verdictOf((await certificate?.sign(FACTS)) as SignedProof)).toMatchObject({
      kind: 'verified',
      identity: {
        kind: 'certificate',
        certificate: { keyId: `id of ${type}`, principals: ['jane'], fingerprint },
      },
    });
  }
});

test('certificates that are good now come before keys, and others not at all', async () => {
  await using agent = await startSshAgent(at('s2'));
  await makeKeyFile(at('ca'));
  for (const [name, validity] of [
    ['old', '-2h:-1h'],
    ['new', '-1h:+1h'],
  ] as const) {
    await makeKeyFile(at(name));
    await certify(at('ca'), at(name), ['-I', name, '-n', 'jane', '-V', validity]);
    await sshAdd(agent.socketPath, [at(name)]);
  }
  const signers = await signersAt(agent.socketPath);
  expect(signers).toHaveLength(4);
  const named = (kinds: Parameters<typeof signersFor>[1]): string[] =>
    signersFor(signers, kinds, NOW).map(({ kind, certificate }) => certificate?.keyId ?? kind);
  expect(named(['key', 'certificate', 'oidc'])).toEqual(['new', 'key', 'key']);
  expect(named(['certificate'])).toEqual(['new']);
  expect(named(['key'])).toEqual(['key', 'key']);
  expect(named(['oidc'])).toEqual([]);
});

test('an ssh-agent without keys, a locked one and one that is gone each have a sentence', async () => {
  const socketPath = at('s3');
  const none = `the ssh-agent at ${socketPath} has no key that can be used here, or is locked; see ssh-add -l, ssh-add FILE, ssh-add -X`;
  let signer: KeySigner;
  {
    await using agent = await startSshAgent(socketPath);
    expect(await signersFromSshAgent(socketPath)).toEqual({ kind: 'unusable', message: none });
    await makeKeyFile(at('lone'));
    await sshAdd(agent.socketPath, [at('lone')]);
    signer = await onlySigner(socketPath);
    const askpass = at('askpass');
    await writeFile(askpass, '#!/bin/sh\necho secret\n', { mode: 0o700 });
    await sshAdd(agent.socketPath, ['-x'], askpass);
    expect(await signersFromSshAgent(socketPath)).toEqual({ kind: 'unusable', message: none });
    const refused = await signer.sign(FACTS);
    expect(refused).toEqual({
      kind: 'unsigned',
      message: `the ssh-agent at ${socketPath} did not sign with ${JSON.stringify(signer.name)}: it is locked, may not use it here, or waits for a yes or a touch that did not come`,
    });
    await sshAdd(agent.socketPath, ['-X'], askpass);
    expect(verdictOf(await signer.sign(FACTS))).toMatchObject({ kind: 'verified' });
  }
  const gone = `the ssh-agent at ${socketPath} cannot be reached: connect ENOENT ${socketPath}`;
  expect(await signersFromSshAgent(socketPath)).toEqual({ kind: 'unusable', message: gone });
  expect(await signer.sign(FACTS)).toEqual({ kind: 'unsigned', message: gone });
});

test.each([
  ['/bin/true', { kind: 'verified' }],
  ['/bin/false', expect.stringContaining('did not sign')],
])('a key that wants a yes signs after %s', async (askpass, verdict) => {
  await using agent = await startSshAgent(at(`s4${askpass.length}`), askpass);
  const path = at(`confirmed${askpass.length}`);
  await makeKeyFile(path);
  await sshAdd(agent.socketPath, ['-c', path]);
  const proof = await (await onlySigner(agent.socketPath)).sign(FACTS);
  expect(verdictOf(proof)).toEqual(
    verdict instanceof Object && 'kind' in verdict ? expect.objectContaining(verdict) : verdict,
  );
});

test('an ssh-agent that hangs is given up, before the challenge is stale', async () => {
  await using agent = await startSshAgent(at('s5'));
  await makeKeyFile(at('slow'));
  await sshAdd(agent.socketPath, [at('slow')]);
  const clock = new ManualClock();
  const found = await signersFromSshAgent(agent.socketPath, clock);
  if (found.kind === 'unusable') throw new Error(found.message);
  agent.pause();
  const listing = signersFromSshAgent(agent.socketPath, clock);
  const signing = found.signers[0]?.sign(FACTS);
  clock.advance(SSH_AGENT_LIST_WITHIN_MS);
  const silent = `the ssh-agent at ${agent.socketPath} did not answer within`;
  expect(await listing).toEqual({ kind: 'unusable', message: `${silent} 5 s` });
  clock.advance(SSH_AGENT_SIGN_WITHIN_MS);
  expect(await signing).toEqual({ kind: 'unsigned', message: `${silent} 45 s` });
  expect(SSH_AGENT_SIGN_WITHIN_MS).toBeLessThan(CHALLENGE_TTL_MS);
});

const KEY = makeTestKey('ssh-ed25519');
const RSA = makeTestKey('ssh-rsa');

function message(type: number, ...fields: readonly Buffer[]): Buffer {
  return wireString(Buffer.concat([Buffer.from([type]), ...fields]));
}

function identities(count: number, ...blobs: readonly Buffer[]): Buffer {
  const entries = blobs.flatMap((blob) => [wireString(blob), wireString('key')]);
  return message(12, wireUint32(count), ...entries);
}

/** An agent that says `listed` to the first question of a connection that asks for keys, and `signed` to others. */
async function answeringAgent(name: string, listed: Buffer, signed: Buffer = Buffer.alloc(0)) {
  const path = at(name);
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (question: Buffer) => socket.end(question[4] === 11 ? listed : signed));
  });
  const closing = await listening(server, path);
  return { path, [Symbol.asyncDispose]: () => closing[Symbol.asyncDispose]() };
}

test.each<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'went away without an answer'],
  ['half an answer', identities(1, KEY.blob).subarray(0, 30), 'went away without an answer'],
  ['an empty answer', wireUint32(0), 'gave an answer of 0 bytes'],
  [
    'an answer without end',
    wireUint32(MAX_SSH_AGENT_ANSWER_BYTES + 1),
    `gave an answer of ${MAX_SSH_AGENT_ANSWER_BYTES + 1} bytes`,
  ],
  ['a no', message(5), 'gave an answer that cannot be read'],
  ['a list that is cut short', message(12, Buffer.from([0, 0])), 'gave an answer that cannot be read'],
  ['fewer keys than it says', identities(2, KEY.blob), 'gave an answer that cannot be read'],
  [
    'keys that nobody knows',
    identities(2, wireString('ssh-new'), Buffer.from('x')),
    'has no key that can be used here, or is locked; see ssh-add -l, ssh-add FILE, ssh-add -X',
  ],
])('an agent that sends %s is told apart', async (name, answer, why) => {
  await using agent = await answeringAgent(`h-${name.length}`, answer);
  const message = `the ssh-agent at ${agent.path} ${why}`;
  expect(await signersFromSshAgent(agent.path)).toEqual({ kind: 'unusable', message });
});

test('of very many keys the first are looked at, of unknown ones none', async () => {
  const blobs = Array<Buffer>(MAX_SSH_AGENT_KEYS + 5).fill(KEY.blob);
  await using agent = await answeringAgent('many', identities(blobs.length, ...blobs));
  expect(await signersAt(agent.path)).toHaveLength(MAX_SSH_AGENT_KEYS);
});

test('a signature by SHA-1 is not shown to a relay', async () => {
  const signature = RSA.sign(Buffer.from('x'), { algorithm: 'ssh-rsa' });
  await using agent = await answeringAgent(
    'sha1',
    identities(1, RSA.blob),
    message(14, wireString(signature)),
  );
  expect(await (await onlySigner(agent.path)).sign(FACTS)).toEqual({
    kind: 'unsigned',
    message: `the ssh-agent at ${agent.path} signs with "key" by SHA-1 only; use an ed25519 key`,
  });
});

test('a certificate that is longer than relays read is not sent', async () => {
  await makeKeyFile(at('long'));
  const principals = Array.from({ length: 200 }, (_, index) => `a-principal-with-a-long-name-${index}`);
  await certify(at('authority'), at('long'), ['-I', 'x', '-n', principals.join(',')]);
  await using agent = await startSshAgent(at('s6'));
  await sshAdd(agent.socketPath, [at('long')]);
  const [, certificate] = await signersAt(agent.socketPath);
  expect(await certificate?.sign(FACTS)).toMatchObject({
    kind: 'unsigned',
    message: expect.stringContaining('is longer than relays read'),
  });
});

test('a FIDO key is known for one, and what it signs in an ssh-agent proves it', async () => {
  const key = makeTestKey('sk-ssh-ed25519@openssh.com');
  const signature = key.sign(bytesToSign(FACTS));
  await using agent = await answeringAgent(
    'fido',
    identities(2, key.blob, KEY.blob),
    message(14, wireString(signature)),
  );
  const [fido, plain] = await signersAt(agent.path);
  expect([fido?.isSecurityKey, plain?.isSecurityKey]).toEqual([true, false]);
  expect(verdictOf((await fido?.sign(FACTS)) as SignedProof)).toMatchObject({ kind: 'verified' });
});
