// Lines of JSON that a log of a CI system may hold.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonLineFrom } from '#shared/text/json-line.ts';
import { eventObjectFrom } from '../../../../services/agent/tell/event-object.ts';
import { HOSTILE, LOG_EVENTS } from '../../../support/agent/log-events.ts';

/** What the runners of GitHub, Azure, TeamCity and Buildkite look for in a line, and what no terminal should get. */
const OBEYED = /##|::|[\p{Cc}\p{Cf}\u2028\u2029]/u;

test('any object comes back as it was, and its line means nothing to a CI system', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 4 }),
      (object) => {
        const line = jsonLineFrom(object);
        expect(line).not.toMatch(OBEYED);
        expect(JSON.stringify(JSON.parse(line))).toBe(JSON.stringify(object));
      },
    ),
  );
  for (const text of [HOSTILE, '::::', '####', '#', ':', '::1', 'a:#:#:', '\\##', '\\\\::']) {
    const line = jsonLineFrom({ text, [text]: 1 });
    expect(line).not.toMatch(OBEYED);
    expect(JSON.parse(line)).toEqual({ text, [text]: 1 });
  }
});

test('a line is never cut', () => {
  const text = 'x'.repeat(100_000);
  expect(JSON.parse(jsonLineFrom({ text }))).toEqual({ text });
});

test.each(LOG_EVENTS)('$kind is one line, of a length that the stranger in it does not choose', (event) => {
  const line = jsonLineFrom(eventObjectFrom(event, 0));
  expect(line).not.toMatch(OBEYED);
  expect(line.length).toBeLessThan(2_500);
  expect(JSON.parse(line)).toMatchObject({ time: '1970-01-01T00:00:00.000Z', text: expect.any(String) });
});
