// Key files as signers: what they sign, ssh-keygen takes for a signature of that key, and so does the relay.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterKey } from '../../../../services/relay/hop/cluster-key.ts';
import { makeChallenge } from '../../../../services/relay/identity/challenge.ts';
import { checkKeyProof, type KeyProof } from '../../../../services/relay/identity/key-proof.ts';
import { type SignedFacts, signedText } from '../../../../services/shared/protocol/identity.ts';
import { parseIdentity } from '../../../../services/shared/protocol/presented-identity.ts';
import { signersFromFile } from '../../../../services/shared/signing/key-file.ts';
import { readPrivateKey, signWith } from '../../../../services/shared/signing/private-key.ts';
import type { KeySigner } from '../../../../services/shared/signing/signer.ts';
import { MAX_KEY_FILE_BYTES } from '../../../../services/shared/signing/small-file.ts';
import { keyFingerprint } from '../../../../services/shared/ssh/fingerprint.ts';
import { readPublicKey } from '../../../../services/shared/ssh/public-key.ts';
import { verifySshSignature } from '../../../../services/shared/ssh/signature.ts';
import { sshsigBytes } from '../../../../services/shared/ssh/sshsig.ts';
import { ensureCommands } from '../../../support/machine/test-commands.ts';
import { makeKeyFile } from '../../../support/ssh/key-file.ts';
import { certify, readPublicBlob, sshKeygen } from '../../../support/ssh/ssh-keygen.ts';
import { readSshsig, writeSshsig } from '../../../support/ssh/sshsig-file.ts';
import { makeTestKey, TEST_KEY_TYPES } from '../../../support/ssh/test-key.ts';

const SEAL = new ClusterKey(['secret']);
const NOW = Date.now();
const FACTS: SignedFacts = {
  audience: 'https://converge.example.com',
  role: 'agent',
  id: 'lab.printer',
  claimHash: 'hash',
  challenge: makeChallenge(SEAL, NOW),
};
const CONTEXT = { ...FACTS, address: '192.0.2.7', now: NOW, seal: SEAL, keys: [], authorities: [] };

let folder = '';

beforeAll(async () => {
  await ensureCommands(['ssh-keygen', 'openssl']);
  folder = await mkdtemp(join(tmpdir(), 'converge-signers-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The signers of a file that must have some. */
async function signersOf(path: string): Promise<readonly KeySigner[]> {
  const found = await signersFromFile(path);
  if (found.kind === 'unusable') throw new Error(found.message);
  return found.signers;
}

async function proofBy(signer: KeySigner | undefined, facts = FACTS): Promise<KeyProof> {
  const proof = await signer?.sign(facts);
  if (proof?.kind !== 'signed') throw new Error(proof?.message ?? 'no signer');
  if (proof.identity.kind !== 'key' && proof.identity.kind !== 'certificate') throw new Error('no key proof');
  return proof.identity;
}

/** What `ssh-keygen -Y verify` says of a signature of `text` by one of `signers`. */
async function judged(text: string, signers: string, signature: string): Promise<boolean> {
  const allowed = join(folder, 'allowed');
  const file = join(folder, 'signature');
  await writeFile(allowed, `jane ${signers}\n`);
  await writeFile(file, signature);
  const args = ['-Y', 'verify', '-f', allowed, '-I', 'jane', '-n', 'converge', '-s', file];
  return (await sshKeygen(args, Buffer.from(text))).isGood;
}

const KINDS = [
  ['ed25519', ['-t', 'ed25519']],
  ['ecdsa-256', ['-t', 'ecdsa', '-b', '256']],
  ['ecdsa-384', ['-t', 'ecdsa', '-b', '384']],
  ['ecdsa-521', ['-t', 'ecdsa', '-b', '521']],
  ['rsa-2048', ['-t', 'rsa', '-b', '2048']],
  ['rsa-3071', ['-t', 'rsa', '-b', '3071']],
] as const;
const FORMATS = [
  ['OpenSSH', []],
  ['PEM', ['-m', 'PEM']],
  ['PKCS#8', ['-m', 'PKCS8']],
] as const;

test.each(
  KINDS.flatMap(([kind, options]) =>
    FORMATS.map(([format, more]) => [kind, format, [...options, ...more]] as const),
  ),
)('%s in the form of %s signs as OpenSSH does', async (kind, format, options) => {
  const path = join(folder, `${kind}-${format.replace('#', '')}`);
  execFileSync('ssh-keygen', ['-q', '-N', '', '-f', path, ...options]);
  const blob = await readPublicBlob(`${path}.pub`);
  const [signer, ...others] = await signersOf(path);
  expect(others).toEqual([]);
  expect(signer).toMatchObject({ kind: 'key', name: path, fingerprint: keyFingerprint(blob) });
  // Ten times, for numbers that begin with zeros.
  for (let round = 0; round < 10; round++) {
    const facts = { ...FACTS, id: `lab.${round}` };
    const proof = await proofBy(signer, facts);
    expect(proof.blob).toEqual(blob);
    const armoured = writeSshsig({ ...proof, namespace: 'converge' });
    const allowed = readFileSync(`${path}.pub`, 'utf8').trim();
    expect(await judged(signedText(facts), allowed, armoured)).toBe(true);
    expect(await judged(`${signedText(facts)} `, allowed, armoured)).toBe(false);
    const keys = [keyFingerprint(blob)];
    expect(checkKeyProof(proof, { ...CONTEXT, keys, id: facts.id })).toMatchObject({
      kind: 'verified',
      identity: { kind: 'key', fingerprint: keyFingerprint(blob) },
    });
  }
});

test.each(KINDS)(
  'what ssh-keygen signs with %s is taken, and for no other text or use',
  async (kind, options) => {
    const path = join(folder, `keygen-${kind}`);
    execFileSync('ssh-keygen', ['-q', '-N', '', '-f', path, ...options]);
    const key = readPublicKey(await readPublicBlob(`${path}.pub`));
    if (key === undefined) throw new Error('no key');
    for (let round = 0; round < 5; round++) {
      const text = `text ${round}`;
      const args = ['-Y', 'sign', '-f', path, '-n', 'converge'];
      const { said } = await sshKeygen(args, Buffer.from(text));
      const { signature } = readSshsig(said.replace(/^Signing.*\n/m, ''));
      const isSigned = (message: string, namespace: string): boolean =>
        verifySshSignature(key, sshsigBytes(message, namespace), signature);
      expect(isSigned(text, 'converge')).toBe(true);
      expect(isSigned(`${text}.`, 'converge')).toBe(false);
      expect(isSigned(text, 'git')).toBe(false);
    }
  },
);

test.each(TEST_KEY_TYPES)('the keys of the test sign as OpenSSH does: %s', async (type) => {
  const key = makeTestKey(type);
  const signature = key.sign(sshsigBytes('text', 'converge'));
  const armoured = writeSshsig({ blob: key.blob, namespace: 'converge', signature });
  const allowed = `${type} ${key.blob.toString('base64')}`;
  expect(await judged('text', allowed, armoured)).toBe(true);
  expect(await judged('other', allowed, armoured)).toBe(false);
});

test('a certificate beside the key comes first, and signs for its authority', async () => {
  const authority = join(folder, 'authority');
  const path = join(folder, 'certified');
  await makeKeyFile(authority);
  await makeKeyFile(path, 'rsa');
  const blob = await certify(authority, path, ['-I', 'jane', '-n', 'jane', '-V', '-1h:+1h']);
  const [certificate, key, ...others] = await signersOf(path);
  expect(others).toEqual([]);
  expect(certificate).toMatchObject({ kind: 'certificate', name: `${path}-cert.pub` });
  expect(key).toMatchObject({ kind: 'key', name: path, fingerprint: certificate?.fingerprint });
  const proof = await proofBy(certificate);
  expect(proof).toMatchObject({ kind: 'certificate', blob });
  const armoured = writeSshsig({ ...proof, namespace: 'converge' });
  const allowed = `cert-authority ${readFileSync(`${authority}.pub`, 'utf8').trim()}`;
  expect(await judged(signedText(FACTS), allowed, armoured)).toBe(true);
  const caFingerprint = keyFingerprint(await readPublicBlob(`${authority}.pub`));
  expect(checkKeyProof(proof, { ...CONTEXT, authorities: [caFingerprint] })).toMatchObject({
    kind: 'verified',
    identity: {
      kind: 'certificate',
      certificate: { keyId: 'jane', caFingerprint },
    },
  });
});

test('R-WHO-8, 9, 10: a shell and ssh-keygen make a proof that a relay takes', async () => {
  const path = join(folder, 'by-hand');
  await makeKeyFile(path, 'ecdsa');
  const { audience, role, id, claimHash, challenge } = FACTS;
  const script = `printf '%s\\n' 'converge identity v1' "$@" | ssh-keygen -q -Y sign -f '${path}' -n converge`;
  const shell = ['-c', script, 'sh', audience, role, id, claimHash, challenge];
  const armoured = execFileSync('sh', shell, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const { blob, signature } = readSshsig(armoured);
  const header = `key ${challenge} ${blob.toString('base64')} ${signature.toString('base64')}`;
  const proof = parseIdentity(header);
  if (proof?.kind !== 'key') throw new Error(`not a key: ${header}`);
  const keys = [keyFingerprint(await readPublicBlob(`${path}.pub`))];
  expect(checkKeyProof(proof, { ...CONTEXT, keys })).toMatchObject({
    kind: 'verified',
    identity: { kind: 'key', fingerprint: keys[0] },
  });
});

test('what cannot sign says why, and the way out', async () => {
  const at = (name: string): string => join(folder, name);
  await makeKeyFile(at('plain'));
  await copyFile(at('plain'), at('wrong-certificate'));
  await makeKeyFile(at('other'));
  await certify(at('plain'), at('other'), ['-I', 'x', '-n', 'x']);
  await copyFile(at('other-cert.pub'), at('wrong-certificate-cert.pub'));
  await copyFile(at('plain'), at('no-certificate'));
  await copyFile(at('plain.pub'), at('no-certificate-cert.pub'));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', at('encrypted')]);
  execFileSync('ssh-keygen', ['-q', '-t', 'ecdsa', '-m', 'PEM', '-N', 'secret', '-f', at('encrypted-pem')]);
  execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-m', 'PKCS8', '-N', 'secret', '-f', at('encrypted-pkcs8')]);
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed448', '-out', at('ed448')], { stdio: 'ignore' });
  execFileSync('openssl', ['ecparam', '-name', 'secp256k1', '-genkey', '-noout', '-out', at('secp256k1')]);
  execFileSync('openssl', ['genrsa', '-out', at('rsa-512'), '512'], { stdio: 'ignore' });
  const whole = readFileSync(at('plain'), 'utf8');
  await writeFile(at('damaged'), whole.replace(/^(.{120})..../m, '$1AAAA').slice(0, 200));
  await writeFile(at('broken-pem'), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
  await writeFile(at('text'), 'hello\n');
  await writeFile(at('ppk'), 'PuTTY-User-Key-File-3: ssh-ed25519\n');
  await writeFile(at('huge'), 'x'.repeat(MAX_KEY_FILE_BYTES + 1));
  await mkdir(at('folder'));
  const reasons = {
    'plain.pub': 'is a public key; the private one is needed',
    encrypted: 'is encrypted; load it with ssh-add, and use the ssh-agent in place of the file',
    'encrypted-pem': 'is encrypted; load it with ssh-add, and use the ssh-agent in place of the file',
    'encrypted-pkcs8': 'is encrypted; load it with ssh-add, and use the ssh-agent in place of the file',
    ed448: 'is a private key of a kind that is not taken; ed25519, ecdsa and rsa are',
    secp256k1: 'is a private key of a kind that is not taken; ed25519, ecdsa and rsa are',
    'rsa-512': 'is a private key of a kind that is not taken; ed25519, ecdsa and rsa are',
    damaged: 'is a private key that is damaged',
    'broken-pem': 'is a private key that cannot be read; make one with ssh-keygen -t ed25519',
    text: 'is no private key',
    ppk: 'is a key of PuTTY; puttygen FILE -O private-openssh -o NEW-FILE makes one of it that can be read',
    huge: `has more than ${MAX_KEY_FILE_BYTES} bytes; it is no key`,
    folder: 'is a folder',
    missing: 'does not exist',
  };
  for (const [name, why] of Object.entries(reasons)) {
    expect(await signersFromFile(at(name))).toEqual({ kind: 'unusable', message: `${at(name)} ${why}` });
  }
  const otherKey = keyFingerprint(await readPublicBlob(at('other.pub')));
  expect(await signersFromFile(at('wrong-certificate'))).toEqual({
    kind: 'unusable',
    message: `${at('wrong-certificate-cert.pub')} is for the key ${otherKey}, not for the one beside it`,
  });
  await copyFile(at('plain'), at('two-lines'));
  await writeFile(at('two-lines-cert.pub'), readFileSync(at('other-cert.pub'), 'utf8').repeat(2));
  expect(await signersFromFile(at('two-lines'))).toEqual({
    kind: 'unusable',
    message: `${at('two-lines-cert.pub')} is no certificate in one line, as ssh-keygen -s writes it`,
  });
  expect(await signersFromFile(at('no-certificate'))).toEqual({
    kind: 'unusable',
    message: `${at('no-certificate-cert.pub')} is a key without a certificate`,
  });
});

test.each(['ed25519', 'ecdsa', 'rsa'] as const)(
  'a changed %s file is no key, or still the same one',
  async (type) => {
    const path = join(folder, `changed-${type}`);
    await makeKeyFile(path, type);
    const text = readFileSync(path, 'utf8').trimEnd();
    // RSA signs slowly, and with numbers that are no key more slowly still.
    const step = type === 'rsa' ? 61 : 1;
    const blob = await readPublicBlob(`${path}.pub`);
    const message = Buffer.from('message');
    let read = 0;
    for (let index = 0; index < text.length; index += step) {
      expect(readPrivateKey(text.slice(0, index)).kind, `${index} characters`).toBe('unusable');
      const character = text[index] === 'A' ? 'B' : 'A';
      const reading = readPrivateKey(`${text.slice(0, index)}${character}${text.slice(index + 1)}`);
      if (reading.kind === 'unusable') continue;
      // In the comment, the padding, and what nobody reads.
      read++;
      const { privateKey } = reading;
      expect(privateKey.publicKey.blob.equals(blob), `character ${index}`).toBe(true);
      expect(verifySshSignature(privateKey.publicKey, message, signWith(privateKey, message))).toBe(true);
    }
    expect(read).toBeLessThan(text.length / step / 2);
  },
);
