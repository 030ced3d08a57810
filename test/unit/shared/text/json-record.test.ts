// JSON that somebody else wrote: what is a record, and what is not.
import { expect, test } from 'vitest';
import { parseJson, parseRecord, recordOf } from '#shared/text/json-record.ts';

test('a record is an object, and no list, null or plain value', () => {
  expect(parseRecord('{"a":1,"b":[2]}')).toEqual({ a: 1, b: [2] });
  for (const text of ['[1]', 'null', '7', '"a"', 'true', '', '{', '{"a":1} x']) {
    expect(parseRecord(text), text).toBeUndefined();
  }
});

test('a value tells text that is no JSON from JSON that is no record', () => {
  expect(parseJson('nonsense')).toBeUndefined();
  expect(parseJson('null')).toBeNull();
  expect(recordOf(parseJson('[]'))).toBeUndefined();
});
