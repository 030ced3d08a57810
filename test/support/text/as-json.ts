// A value as its JSON says it: outside text, whose content a comparison cannot see, becomes what people would be shown.

export function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
