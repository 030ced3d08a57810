// A sign-on as proof makers: the one that is kept, and one that a person makes.
import type { ProofMaker } from '#shared/identity/proof-maker.ts';
import type { SignOn } from '../sign-on/sign-on.ts';

/**
 * What is kept first, if there is something; where the relay refuses that, it is refreshed, or the person signs on: once, whatever the
 * relay says of it. Never rejects.
 */
export async function signOnMakers(signOn: Pick<SignOn, 'kept' | 'token'>): Promise<readonly ProofMaker[]> {
  const kept = await signOn.kept();
  const anew = makerOf(signOn, 'your sign-on', kept);
  return kept === undefined ? [anew] : [makerOf(signOn, 'the sign-on that was kept', undefined), anew];
}

function makerOf(signOn: Pick<SignOn, 'token'>, name: string, refused: string | undefined): ProofMaker {
  return {
    kind: 'sso',
    name,
    async make() {
      const outcome = await signOn.token(refused);
      switch (outcome.kind) {
        case 'signed_on':
          return { kind: 'made', identity: { kind: 'sso', token: outcome.signedOn.token } };
        case 'failed':
          return { kind: 'unmade', message: outcome.message, passes: !outcome.isFinal };
        case 'aborted':
          return { kind: 'unmade', message: 'given up', passes: false };
      }
    },
  };
}
