// Sign-on tokens: what a person who has signed on shows to the gate, as `sso TOKEN` or as a cookie. Pods make and read them;
// no pod keeps them.
import { recordOf } from '#shared/text/json-record.ts';
import type { Claims, IdentityVerdict, SignOnCheck } from '../identity/identity.ts';
import { personSubject } from '../policy/subject.ts';
import { openRecord, type SignOnSeal, sealRecord } from './sealed-record.ts';

/** Somebody who has signed on. */
export interface SealedSignOn {
  /** `issuer` of the settings. */
  readonly issuer: string;
  /** Those that count: `claimsThatCount`. */
  readonly claims: Claims;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

export function makeSignOnToken(seal: SignOnSeal, { issuer, claims, expiresAt }: SealedSignOn): string {
  return sealRecord(seal, 'sign-on', { issuer, claims, expiresAt });
}

/** What the token says, in time or not; undefined if no pod of this cluster has made it. */
export function readSignOnToken(seal: SignOnSeal, token: string): SealedSignOn | undefined {
  const { issuer, claims, expiresAt } = openRecord(seal, 'sign-on', token) ?? {};
  const known = recordOf(claims);
  if (typeof issuer !== 'string' || typeof expiresAt !== 'number' || known === undefined) return undefined;
  return { issuer, claims: known as Claims, expiresAt };
}

/** The check of the tokens of one cluster. */
export function signOnCheckOf(seal: SignOnSeal): SignOnCheck {
  return {
    verify(token, issuer, now): IdentityVerdict {
      const signOn = readSignOnToken(seal, token);
      if (signOn === undefined) return refused('sso_refused', 'this sign-on is not one of this relay');
      const name = personSubject(signOn.claims);
      if (signOn.issuer !== issuer)
        return refused(
          'sso_refused',
          `${name} has signed on at ${signOn.issuer}, which does not count any more`,
        );
      if (signOn.expiresAt <= now)
        return refused('sso_expired', `the sign-on of ${name} was good until ${timeOf(signOn.expiresAt)}`);
      return { kind: 'verified', identity: { kind: 'sso', issuer, claims: signOn.claims } };
    },
  };
}

function refused(code: 'sso_expired' | 'sso_refused', message: string): IdentityVerdict {
  return { kind: 'refused', code, message: `${message}: sign on again` };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '');
}
