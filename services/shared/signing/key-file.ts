// A key file as a signer, with the certificate that lies beside it as `FILE-cert.pub`.
import type { SignedFacts } from '#shared/protocol/identity.ts';
import { type Certificate, readCertificate } from '#shared/ssh/certificate.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { readBlobLine } from '#shared/ssh/key-line.ts';
import { type PrivateKey, readPrivateKey, signWith } from './private-key.ts';
import { bytesToSign, type FoundSigners, type KeySigner, proofOf, type SignedProof } from './signer.ts';
import { readSmallFile } from './small-file.ts';

/**
 * The key in `path`, and with a certificate in `path-cert.pub` that one first. A certificate that cannot be used is a fault:
 * whoever has put it there wants it. Never rejects.
 */
export async function signersFromFile(path: string): Promise<FoundSigners> {
  const file = await readSmallFile(path, 'key');
  if (file.kind === 'missing') return unusable(path, 'does not exist');
  if (file.kind === 'unreadable') return unusable(path, file.why);
  const reading = readPrivateKey(file.text);
  if (reading.kind === 'unusable') return unusable(path, reading.why);
  const { privateKey } = reading;
  const key = signerOf(path, privateKey, undefined);
  const certificatePath = `${path}-cert.pub`;
  const certificateFile = await readSmallFile(certificatePath, 'key');
  if (certificateFile.kind === 'missing') return { kind: 'found', signers: [key] };
  if (certificateFile.kind === 'unreadable') return unusable(certificatePath, certificateFile.why);
  const certificate = certificateFrom(certificateFile.text, privateKey);
  if (typeof certificate === 'string') return unusable(certificatePath, certificate);
  return { kind: 'found', signers: [signerOf(certificatePath, privateKey, certificate), key] };
}

/** The certificate, or what is wrong with it. */
function certificateFrom(text: string, { publicKey }: PrivateKey): Certificate | string {
  const line = readBlobLine(text);
  if (line === undefined) return 'is no certificate in one line, as ssh-keygen -s writes it';
  const reading = readCertificate(line.blob);
  if (reading.kind !== 'read') return reading.detail;
  const { certificate } = reading;
  if (certificate.key.blob.equals(publicKey.blob)) return certificate;
  return `is for the key ${keyFingerprint(certificate.key.blob)}, not for the one beside it`;
}

function signerOf(name: string, privateKey: PrivateKey, certificate: Certificate | undefined): KeySigner {
  const kind = certificate === undefined ? 'key' : 'certificate';
  const { blob } = certificate ?? privateKey.publicKey;
  return {
    kind,
    name,
    fingerprint: keyFingerprint(privateKey.publicKey.blob),
    // Of one a file holds no more than a handle, and is refused.
    isSecurityKey: false,
    certificate,
    sign: (facts: SignedFacts): Promise<SignedProof> =>
      Promise.resolve(proofOf(kind, facts, blob, signWith(privateKey, bytesToSign(facts)))),
  };
}

function unusable(path: string, why: string): FoundSigners {
  return { kind: 'unusable', message: `${path} ${why}` };
}
