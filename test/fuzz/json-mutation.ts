// Mutations of JSON that is still JSON: other types, numbers at the edge, fields that are missing, doubled or unknown.
import type { Chance } from './chance.ts';
import { mutated } from './mutation.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Written as they are: some have no value in JavaScript. */
const VALUES = [
  'null',
  'true',
  '-1',
  '0',
  '-0',
  '0.5',
  '1e308',
  '1e999',
  '9007199254740992',
  '4294967296',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u202e\\u001b[2J"',
  '"##vso[task.complete]"',
  '[]',
  '{}',
  '{"__proto__":1}',
  `"${'x'.repeat(1024)}"`,
  `"${'x'.repeat(1025)}"`,
  `"${'x'.repeat(3500)}"`,
  `${'['.repeat(1500)}${']'.repeat(1500)}`,
];

const NAMES = ['__proto__', 'constructor', 'toString', 'type', 'length', ''];

/** A text that is JSON, but once in eight times; made of one of `messages`. */
export function mutatedJson(messages: readonly Fields[], chance: Chance): Buffer {
  const texts = messages.map((message) => Buffer.from(JSON.stringify(message)));
  if (chance.oneIn(8)) return mutated(texts, chance);
  const pairs = Object.entries(chance.pick(messages)).map(
    ([name, value]) => [name, JSON.stringify(value)] as const,
  );
  const changed = pairs.flatMap(([name, value]): (readonly [string, string])[] => {
    if (!chance.oneIn(pairs.length)) return [[name, value]];
    switch (chance.below(4)) {
      case 0:
        return [];
      case 1:
        return [
          [name, value],
          [name, chance.pick(VALUES)],
        ];
      case 2:
        return [[chance.pick(NAMES), value]];
      default:
        return [[name, chance.pick(VALUES)]];
    }
  });
  if (chance.oneIn(4)) changed.push([chance.pick(NAMES), chance.pick(VALUES)]);
  return Buffer.from(`{${changed.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
}
