// Deeds before there is a session: how people prove who they are.
import { deeds } from '../deed.ts';

/**
 * To the agent all clients are one source, and dbclient says a wrong password six times: each guess of anybody may have to wait for
 * ten seconds after each of those (password-guard.ts).
 */
const LOGIN_LIMIT_SECONDS = 120;

export const LOGIN_DEEDS = deeds(
  {
    name: 'key exchange',
    about: 'The method that both agree on, by its name, and what the client thinks of it.',
    says: ['in', 'code 0'],
  },
  {
    name: 'password',
    about: 'The right password, and a wrong one.',
    words: ['with_password'],
    script: `code with_password 'echo in'
PASSWORD=wrong-password
[ "$(with_password 'echo in' 2>/dev/null)" = in ] && echo 'LET IN' || echo 'kept out'`,
    says: ['in', 'code 0', 'kept out'],
    limitSeconds: LOGIN_LIMIT_SECONDS,
  },
  {
    name: 'after a refusal',
    about: 'A key that is refused, then the password, over the same connection.',
    words: ['after_refusal'],
    script: `code after_refusal 'echo in after all'`,
    says: ['in after all', 'code 0'],
    limitSeconds: LOGIN_LIMIT_SECONDS,
  },
  {
    name: 'RSA key',
    about: 'An RSA key, which needs a newer signature than its name says.',
    says: ['in by RSA'],
  },
  {
    name: 'key of a stranger',
    about: 'A key that is not let in.',
    says: ['kept out'],
  },
);
