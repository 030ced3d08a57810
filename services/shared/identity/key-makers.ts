// Keys and certificates as proof makers: the signers of a key file or an ssh-agent.
import type { IdentityKind } from '#shared/protocol/identity.ts';
import { type FoundSigners, type KeySigner, signersFor } from '#shared/signing/signer.ts';
import type { FoundMakers, ProofMaker } from './proof-maker.ts';

/** Before somebody has to touch a key: `name` is that of the maker. */
export type TouchNotice = (name: string) => void;

/**
 * Those of `found` that could do for `kinds`; `now` is in milliseconds since the Unix epoch. `onTouch` is told before a FIDO
 * key is asked, which may wait for a touch.
 */
export function keyMakersFrom(
  found: FoundSigners,
  kinds: readonly IdentityKind[],
  now: number,
  onTouch?: TouchNotice,
): FoundMakers {
  if (found.kind === 'unusable') return { kind: 'none', message: found.message };
  const makers = signersFor(found.signers, kinds, now).map((signer) => makerOf(signer, onTouch));
  return makers.length > 0
    ? { kind: 'found', makers }
    : { kind: 'none', message: missing(found.signers, kinds) };
}

function makerOf(signer: KeySigner, onTouch: TouchNotice | undefined): ProofMaker {
  const { kind } = signer;
  const name = nameOf(signer);
  return {
    kind,
    name,
    async make(facts) {
      if (signer.isSecurityKey) onTouch?.(name);
      const proof = await signer.sign(facts);
      if (proof.kind === 'signed') return { kind: 'made', identity: proof.identity };
      return { kind: 'unmade', message: proof.message, passes: false };
    },
  };
}

function nameOf({ kind, fingerprint, name }: KeySigner): string {
  return `the ${kind === 'key' ? 'key' : 'certificate of the key'} ${fingerprint} (${name})`;
}

/** Why none of one or more signers will do. */
function missing(signers: readonly KeySigner[], kinds: readonly IdentityKind[]): string {
  const certificate = signers.find(({ kind }) => kind === 'certificate');
  if (!kinds.includes('certificate')) return 'a certificate is there, and the relay takes none: use a key';
  if (certificate === undefined)
    return 'a key is there without a certificate, and the relay takes certificates only: put it beside the key as FILE-cert.pub, or into the ssh-agent';
  return `${nameOf(certificate)} is not good at this time: get a new one`;
}
