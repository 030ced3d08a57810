// The signature: SHA256SUMS.sig, by which a download can be checked without believing the relay that serves it.
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { BuildError } from './build-error.ts';
import { type Made, makeOnce } from './stamp.ts';

/**
 * The private key in `path`: Ed25519 (RFC 8032), PEM, without a passphrase. Nothing of the file gets into a message.
 * @throws BuildError `signing_key_unusable`
 */
export async function readSigningKey(path: string): Promise<KeyObject> {
  let pem: Buffer;
  try {
    pem = await readFile(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw unusable(`${path} cannot be read (${code})`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw unusable(`${path} holds no private key in PEM, or one with a passphrase`);
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw unusable(`${path} holds a key of the type ${key.asymmetricKeyType}, and it has to be ed25519`);
  return key;
}

/**
 * Signs `sums` into a file beside it: the 64 bytes that `openssl pkeyutl -verify -rawin` takes. Without a key the one of
 * an earlier build stays as long as it fits. The result is the new signature, if there is one.
 */
export async function signChecksums(
  sums: Made,
  key: KeyObject | undefined,
  stamps?: string,
): Promise<Made | undefined> {
  const path = signaturePath(sums.path);
  if (key === undefined) {
    if (sums.isNew) await rm(path, { force: true });
    return undefined;
  }
  const text = await readFile(sums.path);
  const signer = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return await makeOnce(
    path,
    [text, signer],
    (temporary) => writeFile(temporary, sign(null, text, key)),
    stamps,
  );
}

export function signaturePath(sums: string): string {
  return `${sums}.sig`;
}

function unusable(what: string): BuildError {
  const hint = 'openssl genpkey -algorithm ed25519 -out FILE makes one';
  return new BuildError('signing_key_unusable', `SIGNING_KEY_FILE: ${what}; ${hint}`);
}
