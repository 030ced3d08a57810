// Tokens of a rule: hashes with a name and an end.
import type { RuleToken } from '../policy.ts';
import { Fields, quoted, typeText } from './fields.ts';
import type { FaultList } from './policy-fault.ts';
import { readName } from './rule-name.ts';

/** The one in use, and the one that takes its place. */
export const MAX_TOKENS_PER_RULE = 2;

const SHA256 = /^[0-9a-f]{64}$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z$/;
const DAY_MS = 86_400_000;

/** Of no bytes, and of a line feed alone: what a script hashes when its variable is not set. */
const HASHES_OF_NOTHING: readonly string[] = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b',
];

/** Those in the word `tokens` that can be read. `now`: milliseconds since the Unix epoch. */
export function readTokens(fields: Fields, now: number, faults: FaultList): RuleToken[] {
  const list = fields.list('tokens');
  if (list === undefined) return [];
  const { items } = list;
  if (items.length === 0)
    fields.fault('tokens', '"tokens" is an empty list, which nobody matches: name a token');
  if (items.length > MAX_TOKENS_PER_RULE)
    fields.fault(
      'tokens',
      `"tokens" has ${items.length} entries: at most ${MAX_TOKENS_PER_RULE}, the old and the new one`,
    );
  const names = new Map<string, number>();
  const tokens = items.flatMap((item) => {
    if (item.kind === 'map')
      return readToken(new Fields(item, fields.about('a token'), faults), names, faults);
    faults.add(
      item.line,
      fields.about(`a token must be a map of name, sha256 and expires, and is ${typeText(item)}`),
    );
    return [];
  });
  const hashes = new Set(tokens.map(({ sha256 }) => sha256));
  if (hashes.size < tokens.length) fields.fault('tokens', 'two tokens have one hash: leave one out');
  // Time alone must not turn a file that was good into one that is not: a relay that starts again would not come up.
  if (tokens.length > 0 && tokens.every(({ expiresAt }) => expiresAt <= now))
    faults.warn(
      fields.lineOf('tokens'),
      fields.about('all its tokens have expired, so it admits nobody: make a new one'),
    );
  return tokens;
}

function readToken(fields: Fields, names: Map<string, number>, faults: FaultList): RuleToken[] {
  fields.expect(['name', 'sha256', 'expires']);
  const name = readName(fields, names, faults);
  const hash = fields.neededText('sha256', 'the SHA-256 of the token, in hex');
  const expires = fields.neededText('expires', 'a day, such as 2027-01-31');
  const sha256 = hash?.text.toLowerCase();
  if (hash !== undefined && sha256 !== undefined) {
    if (!SHA256.test(sha256))
      // Not what it is: it may be the token itself.
      faults.add(
        hash.line,
        fields.about('"sha256" must have 64 hexadecimal digits: the hash of the token, not the token'),
      );
    if (HASHES_OF_NOTHING.includes(sha256))
      faults.add(
        hash.line,
        fields.about('this is the hash of nothing: the token was empty when it was hashed'),
      );
  }
  const expiresAt = expires === undefined ? undefined : timeOf(expires.text);
  if (expires !== undefined && expiresAt === undefined)
    faults.add(
      expires.line,
      fields.about(
        `${quoted(expires.text)} is no day such as 2027-01-31, nor a time such as 2027-01-31T12:00Z`,
      ),
    );
  if (name === undefined || sha256 === undefined || expiresAt === undefined) return [];
  return [{ name, sha256, expiresAt }];
}

/** A day counts to its end, in UTC. */
function timeOf(text: string): number | undefined {
  const isDay = DATE.test(text);
  if (!isDay && !TIME.test(text)) return undefined;
  const start = Date.parse(isDay ? `${text}T00:00:00Z` : text);
  // There is no 30th of February, but JavaScript goes on counting.
  if (Number.isNaN(start) || !new Date(start).toISOString().startsWith(text.slice(0, 10))) return undefined;
  return isDay ? start + DAY_MS : start;
}
