// Access: who may enter an agent that leaves it to its relay.
import { MAX_ACCESS_ENTRIES, MAX_ACCESS_TEXT_LENGTH } from '#shared/protocol/access.ts';
import type { RuleAccess } from '../policy.ts';
import { Fields, quoted } from './fields.ts';
import { keyFault, keyName } from './key-reader.ts';
import type { FaultList } from './policy-fault.ts';

/** Of all its texts together, in bytes: it goes to the agent in one control message, which may have 4 KiB. */
export const MAX_ACCESS_BYTES = 3_500;

/** `github:USER`, `github:ORG/TEAM`, `gitlab:USER`, `https://…`, as agents take them. Accounts of companies have an underscore. */
const PEOPLE =
  /^(?:github:[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\/[A-Za-z0-9_-]{1,100})?|gitlab:[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}|https:\/\/\S{1,1016})$/;

export function readAccess(rule: Fields, faults: FaultList): RuleAccess | undefined {
  const map = rule.map('access');
  if (map === undefined) return undefined;
  const fields = new Fields(map, rule.about('access'), faults);
  fields.expect(['user-authorities', 'people']);
  const authorities = fields.texts('user-authorities') ?? [];
  for (const { text, line } of authorities) {
    const fault = keyFault(text);
    if (fault !== undefined) faults.add(line, fields.about(`${keyName(text)} ${fault}`));
    else if (text.length > MAX_ACCESS_TEXT_LENGTH)
      faults.add(
        line,
        fields.about(
          `${keyName(text)} has ${text.length} characters, and an agent takes ${MAX_ACCESS_TEXT_LENGTH}`,
        ),
      );
  }
  const people = fields.texts('people') ?? [];
  for (const { text, line } of people) {
    const isSource = PEOPLE.test(text) && (!text.startsWith('https:') || URL.canParse(text));
    if (!isSource)
      faults.add(
        line,
        fields.about(`${quoted(text)} is none of github:USER, github:ORG/TEAM, gitlab:USER, https://…`),
      );
  }
  if (authorities.length + people.length === 0 && !fields.has('user-authorities') && !fields.has('people'))
    rule.fault('access', '"access" names nobody: give it user-authorities or people, or leave it out');
  // An agent takes a longer message for a fault of the link, and dials again.
  for (const [word, { length }] of [
    ['user-authorities', authorities],
    ['people', people],
  ] as const)
    if (length > MAX_ACCESS_ENTRIES)
      fields.fault(word, `"${word}" has ${length} entries, and an agent takes ${MAX_ACCESS_ENTRIES}`);
  const access = { userAuthorities: authorities.map(textOf), people: people.map(textOf) };
  const bytes = Buffer.byteLength(JSON.stringify(access));
  if (bytes > MAX_ACCESS_BYTES)
    rule.fault(
      'access',
      `"access" has ${bytes} bytes, and an agent takes ${MAX_ACCESS_BYTES}: name a CA in place of people`,
    );
  return access;
}

function textOf({ text }: { readonly text: string }): string {
  return text;
}
