// Identity tokens of CI systems, as an agent looks at them before it shows one: whom they are for. The relay verifies them.
import { tokenFault } from '#shared/identity/token-maker.ts';
import { parseRecord } from '#shared/text/json-record.ts';
import { printable } from '#shared/text/printable.ts';

/** A JWT that is signed (RFC 7515 section 7.1). */
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

/** How much of an audience is shown, in characters. */
const SHOWN_AUDIENCE_LENGTH = 100;

/**
 * What is wrong with `token`, as the rest of a sentence that its name begins; undefined if it may be shown to the relay that
 * `audience` names. A token that is also for others is not: the relay could use it there.
 */
export function idTokenFault(token: string, audience: string): string | undefined {
  const fault = tokenFault(token);
  if (fault !== undefined) return fault;
  const payload = JWT.exec(token)?.[1];
  const claims =
    payload === undefined ? undefined : parseRecord(Buffer.from(payload, 'base64url').toString('utf8'));
  if (claims === undefined) return 'is no identity token (a JWT)';
  const { aud } = claims;
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audiences.length === 1 && audiences[0] === audience) return undefined;
  if (audiences.includes(audience)) {
    return `is for others too, where the relay could use it: make one for ${audience} alone`;
  }
  const [first] = audiences;
  const other = typeof first === 'string' ? printable(first, SHOWN_AUDIENCE_LENGTH) : 'nobody';
  return `is for ${other} (its aud), and not for ${audience}`;
}
