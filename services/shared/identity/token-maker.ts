// Tokens as proof makers: secrets that are shown as they are.
import { type IdentityKind, MAX_IDENTITY_CHARACTERS } from '#shared/protocol/identity.ts';
import type { FoundMakers } from './proof-maker.ts';

/** The longest kind of token and the space behind it, in characters, have room beside a token of this length. */
export const MAX_SHOWN_TOKEN_CHARACTERS = MAX_IDENTITY_CHARACTERS - 'token '.length;

/** What a header can carry as one word. */
const WORD = /^[!-~]+$/;

/** What is wrong with `token`, as the rest of a sentence that its name begins; undefined if it can be shown. */
export function tokenFault(token: string): string | undefined {
  if (token === '') return 'is empty';
  if (token.length > MAX_SHOWN_TOKEN_CHARACTERS)
    return `is longer than ${MAX_SHOWN_TOKEN_CHARACTERS} characters`;
  return WORD.test(token) ? undefined : 'has characters that no token has: spaces, line ends or others';
}

/** The token `text`, white space around it aside (a file ends with a line end); `name`: `the token in CONVERGE_TOKEN`. */
export function tokenMakerFrom(
  text: string,
  name: string,
  kind: Extract<IdentityKind, 'token' | 'sso'> = 'token',
): FoundMakers {
  const token = text.trim();
  const fault = tokenFault(token);
  if (fault !== undefined) return { kind: 'none', message: `${name} ${fault}` };
  const identity = { kind, token };
  return {
    kind: 'found',
    makers: [{ kind, name, make: () => Promise.resolve({ kind: 'made', identity }) }],
  };
}
