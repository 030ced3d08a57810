// JSON records: what somebody else wrote as JSON, read without trusting that it has any form.

/** The fields of a JSON object; none of them has been looked at. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The value that `text` stands for; undefined, which no JSON text stands for, if it is not JSON. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `value` if it is a JSON object: no list, no null. */
export function recordOf(value: unknown): JsonRecord | undefined {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as JsonRecord) : undefined;
}

/** The object that `text` stands for; undefined if it stands for none. Never throws. */
export function parseRecord(text: string): JsonRecord | undefined {
  return recordOf(parseJson(text));
}
