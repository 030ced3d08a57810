// Names of rules and issuers.
import { type Fields, quoted } from './fields.ts';
import type { FaultList } from './policy-fault.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** What a name may be, in words. */
export const NAME_RULE = '1 to 64 of a-z 0-9 -, not - first';

export function isRuleName(text: string): boolean {
  return NAME.test(text);
}

/** The name in the word `name`; undefined if there is none that may be. `taken`: names and their lines, which it joins. */
export function readName(fields: Fields, taken: Map<string, number>, faults: FaultList): string | undefined {
  const node = fields.neededText('name', `logs and refusals call it by that (${NAME_RULE})`);
  if (node === undefined) return undefined;
  const { text, line } = node;
  if (!isRuleName(text)) {
    faults.add(line, fields.about(`the name ${quoted(text)} must be ${NAME_RULE}`));
    return undefined;
  }
  const known = taken.get(text);
  if (known !== undefined)
    faults.add(line, `the name ${quoted(text)} is taken, in line ${known}: choose another`);
  taken.set(text, known ?? line);
  return text;
}
