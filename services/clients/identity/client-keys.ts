// The SSH keys of a person: the file of --identity, the ssh-agent, or a certificate in a file whose key the ssh-agent has.
import { signersFromFile } from '#shared/signing/key-file.ts';
import { type FoundSigners, type KeySigner, proofOf } from '#shared/signing/signer.ts';
import { readSmallFile } from '#shared/signing/small-file.ts';
import { signersFromSshAgent } from '#shared/signing/ssh-agent.ts';
import { readCertificate } from '#shared/ssh/certificate.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { readBlobLine, readKeyLine } from '#shared/ssh/key-line.ts';
import type { Clock } from '#shared/time/clock.ts';

export interface ClientKeys {
  /** Of --identity. */
  readonly file: string | undefined;
  /** What SSH_AUTH_SOCK says. */
  readonly sshAgent: string | undefined;
  readonly clock: Clock;
}

/**
 * The keys that may be used, and why there are none. Where --identity names a file, no other key than that one: the ssh-agent signs
 * with it if the file has no private key that can be read. Never rejects.
 */
export async function clientKeys({ file, sshAgent, clock }: ClientKeys): Promise<FoundSigners> {
  if (file === undefined) {
    if (sshAgent !== undefined) return await signersFromSshAgent(sshAgent, clock);
    return { kind: 'unusable', message: 'there is no ssh-agent (SSH_AUTH_SOCK)' };
  }
  const found = await signersFromFile(file);
  if (found.kind === 'found') return found;
  // ssh takes the name of the public half for -i, too.
  const base = file.replace(/(-cert)?\.pub$/, '');
  const named = await blobsIn([file, `${base}.pub`, `${base}-cert.pub`]);
  const fingerprints = new Set(named.map(({ fingerprint }) => fingerprint));
  if (fingerprints.size === 0) return found;
  if (sshAgent === undefined) {
    const message = `${found.message}; there is no ssh-agent (SSH_AUTH_SOCK) that could have it`;
    return { kind: 'unusable', message };
  }
  const inAgent = await signersFromSshAgent(sshAgent, clock);
  if (inAgent.kind === 'unusable') return inAgent;
  const fitting = inAgent.signers.filter(({ fingerprint }) => fingerprints.has(fingerprint));
  const key = fitting.find(({ kind }) => kind === 'key');
  const certified = named.flatMap(({ path, certificate }) =>
    certificate !== undefined && key?.fingerprint === keyFingerprint(certificate.key.blob)
      ? [certifiedSigner(key, path, certificate)]
      : [],
  );
  if (fitting.length > 0) return { kind: 'found', signers: [...certified, ...fitting] };
  const message = `${file} has no private key that can be read here, and the ssh-agent at ${sshAgent} does not have it either; ssh-add ${base} adds it`;
  return { kind: 'unusable', message };
}

type NamedBlob = Awaited<ReturnType<typeof blobsIn>>[number];

/** The public keys and certificates in those of `paths` that have one. */
async function blobsIn(paths: readonly string[]): Promise<
  {
    readonly path: string;
    /** Of the key. */
    readonly fingerprint: string;
    readonly certificate: KeySigner['certificate'];
  }[]
> {
  const named: NamedBlob[] = [];
  for (const path of new Set(paths)) {
    const file = await readSmallFile(path, 'key');
    const text = file.kind === 'text' ? file.text : '';
    const key = readKeyLine(text)?.key;
    const reading =
      key === undefined ? readCertificate(readBlobLine(text)?.blob ?? Buffer.alloc(0)) : undefined;
    const certificate = reading?.kind === 'read' ? reading.certificate : undefined;
    const blob = key?.blob ?? certificate?.key.blob;
    if (blob !== undefined) named.push({ path, fingerprint: keyFingerprint(blob), certificate });
  }
  return named;
}

/** Shows the certificate; what is signed is the same as without it. */
function certifiedSigner(
  key: KeySigner,
  name: string,
  certificate: NonNullable<KeySigner['certificate']>,
): KeySigner {
  return {
    ...key,
    kind: 'certificate',
    name,
    certificate,
    async sign(facts) {
      const proof = await key.sign(facts);
      if (proof.kind === 'unsigned' || !('signature' in proof.identity)) return proof;
      return proofOf('certificate', facts, certificate.blob, proof.identity.signature);
    },
  };
}
