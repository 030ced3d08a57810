// A JSON line: one object on one line, that a log of a CI system may hold without obeying it.
import { type PrintableLine, printableJson } from './printable.ts';

/** What becomes a line; `Untrusted` text in it is made printable. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * `object` as JSON that has nothing unseen in it, and none of the pairs that begin a command of a CI system (`##`, `::`): where
 * they stand in a string, their second half is an escape of JSON. Nothing is cut: a part of a line is no JSON.
 */
export function jsonLineFrom(object: JsonObject): PrintableLine {
  const json = printableJson(JSON.stringify(object));
  // Outside of strings JSON has neither.
  return json.replaceAll(/(?<=#)#/g, '\\u0023').replaceAll(/(?<=:):/g, '\\u003a') as PrintableLine;
}
