// Keys as a page has them: a signer and a public key, whatever holds the private one.
import { sign, type webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SigningKey } from '../../../services/clients/browser/ssh/sign-in/sign-in-ways.ts';
import { readPrivateKey } from '../../../services/shared/signing/private-key.ts';
import { wireString } from '../../../services/shared/ssh/strings.ts';

/** The Ed25519 key in a file of `ssh-keygen`; with `certificateFile`, its certificate. */
export function keyFromFile(keyFile: string, certificateFile?: string): SigningKey {
  const read = readPrivateKey(readFileSync(keyFile, 'utf8'));
  if (read.kind !== 'read') throw new Error(`${keyFile} ${read.why}`);
  const { key, publicKey } = read.privateKey;
  const [, base64 = ''] =
    certificateFile === undefined ? [] : readFileSync(certificateFile, 'utf8').split(' ');
  return {
    publicKey: certificateFile === undefined ? publicKey.blob : Buffer.from(base64, 'base64'),
    sign: async (data) => sign(null, data, key),
  };
}

/** As a page makes it: by WebCrypto, and nobody can take it out. `line` is for `authorized_keys`. */
export async function makeWebKey(): Promise<SigningKey & { readonly line: string }> {
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, false, [
    'sign',
    'verify',
  ])) as unknown as webcrypto.CryptoKeyPair;
  const raw = Buffer.from(await crypto.subtle.exportKey('raw', pair.publicKey));
  const publicKey = Buffer.concat([wireString('ssh-ed25519'), wireString(raw)]);
  return {
    publicKey,
    sign: async (data) =>
      new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, Uint8Array.from(data))),
    line: `ssh-ed25519 ${publicKey.toString('base64')} page`,
  };
}
