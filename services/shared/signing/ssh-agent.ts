// The keys of an ssh-agent as signers: draft-ietf-sshm-ssh-agent.
import type { SignedFacts } from '#shared/protocol/identity.ts';
import { type Certificate, isCertificateType, readCertificate } from '#shared/ssh/certificate.ts';
import { keyFingerprint } from '#shared/ssh/fingerprint.ts';
import { isSecurityKeyType, keyTypeOf, type PublicKey, readPublicKey } from '#shared/ssh/public-key.ts';
import { signatureAlgorithmOf, signatureAlgorithmsOf } from '#shared/ssh/signature.ts';
import { WireReader, wireString, wireUint32 } from '#shared/ssh/strings.ts';
import { type Clock, systemClock } from '#shared/time/clock.ts';
import { bytesToSign, type FoundSigners, type KeySigner, proofOf, type SignedProof } from './signer.ts';
import { askSshAgent } from './ssh-agent-request.ts';

/** How long an ssh-agent may take to say which keys it has, in milliseconds. */
export const SSH_AGENT_LIST_WITHIN_MS = 5_000;

/** How long it may take to sign, in milliseconds: somebody may have to touch a key. Less than a challenge is good for. */
export const SSH_AGENT_SIGN_WITHIN_MS = 45_000;

/** The keys of an ssh-agent beyond these are not looked at. */
export const MAX_SSH_AGENT_KEYS = 64;

const MESSAGE = { requestIdentities: 11, identitiesAnswer: 12, signRequest: 13, signResponse: 14 } as const;
/** RSA with SHA-512 in place of SHA-1; nothing to the other types. */
const FLAG_RSA_SHA2_512 = 4;

export interface SshAgent {
  /** What SSH_AUTH_SOCK says. */
  readonly socketPath: string;
  readonly clock: Clock;
}

/** What the ssh-agent has: a key, or a certificate whose key it has. */
interface Held {
  readonly kind: 'key' | 'certificate';
  readonly blob: Buffer;
  readonly key: PublicKey;
  readonly certificate: Certificate | undefined;
  readonly name: string;
}

/** The keys and certificates in the ssh-agent behind a socket, in its order. Never rejects. */
export async function signersFromSshAgent(
  socketPath: string,
  clock: Clock = systemClock,
): Promise<FoundSigners> {
  const agent = { socketPath, clock };
  const message = Buffer.from([MESSAGE.requestIdentities]);
  const answer = await askSshAgent({ ...agent, message, withinMs: SSH_AGENT_LIST_WITHIN_MS });
  if (answer.kind === 'unanswered') return unusable(socketPath, answer.why);
  const held = answer.type === MESSAGE.identitiesAnswer ? heldFrom(answer.fields) : undefined;
  if (held === undefined) return unusable(socketPath, 'gave an answer that cannot be read');
  if (held.length > 0) return { kind: 'found', signers: held.map((one) => signerOf(agent, one)) };
  return unusable(
    socketPath,
    'has no key that can be used here, or is locked; see ssh-add -l, ssh-add FILE, ssh-add -X',
  );
}

/** Those that are understood; undefined if the list is cut short. */
function heldFrom(fields: Buffer): Held[] | undefined {
  const reader = new WireReader(fields);
  const count = reader.uint32();
  if (count === undefined) return undefined;
  const held: Held[] = [];
  for (let index = 0; index < Math.min(count, MAX_SSH_AGENT_KEYS); index++) {
    const blob = reader.string();
    const comment = reader.string();
    if (blob === undefined || comment === undefined) return undefined;
    const one = heldOf(blob, comment.toString('utf8'));
    if (one !== undefined) held.push(one);
  }
  return held;
}

function heldOf(blob: Buffer, name: string): Held | undefined {
  if (isCertificateType(keyTypeOf(blob) ?? '')) {
    const reading = readCertificate(blob);
    if (reading.kind !== 'read') return undefined;
    const { certificate } = reading;
    return { kind: 'certificate', blob, key: certificate.key, certificate, name };
  }
  const key = readPublicKey(blob);
  return key === undefined ? undefined : { kind: 'key', blob, key, certificate: undefined, name };
}

function signerOf(agent: SshAgent, held: Held): KeySigner {
  const { kind, name, certificate, key } = held;
  const fingerprint = keyFingerprint(key.blob);
  const isSecurityKey = isSecurityKeyType(key.type);
  return { kind, name, certificate, fingerprint, isSecurityKey, sign: (facts) => signBy(agent, held, facts) };
}

async function signBy(
  { socketPath, clock }: SshAgent,
  { kind, blob, key, name }: Held,
  facts: SignedFacts,
): Promise<SignedProof> {
  const message = Buffer.concat([
    Buffer.from([MESSAGE.signRequest]),
    wireString(blob),
    wireString(bytesToSign(facts)),
    wireUint32(FLAG_RSA_SHA2_512),
  ]);
  const answer = await askSshAgent({ socketPath, clock, message, withinMs: SSH_AGENT_SIGN_WITHIN_MS });
  if (answer.kind === 'unanswered') return unsigned(socketPath, answer.why);
  const signature = answer.type === MESSAGE.signResponse ? new WireReader(answer.fields).string() : undefined;
  if (signature === undefined) {
    const reasons = 'it is locked, may not use it here, or waits for a yes or a touch that did not come';
    return unsigned(socketPath, `did not sign with ${JSON.stringify(name)}: ${reasons}`);
  }
  if (signatureAlgorithmsOf(key.type).includes(signatureAlgorithmOf(signature) ?? ''))
    return proofOf(kind, facts, blob, signature);
  return unsigned(socketPath, `signs with ${JSON.stringify(name)} by SHA-1 only; use an ed25519 key`);
}

function unusable(socketPath: string, why: string): FoundSigners {
  return { kind: 'unusable', message: `the ssh-agent at ${socketPath} ${why}` };
}

function unsigned(socketPath: string, why: string): SignedProof {
  return { kind: 'unsigned', message: `the ssh-agent at ${socketPath} ${why}` };
}
