// Printable text: what people and CI systems never get to see, whatever is put in.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isPlainAddress,
  MAX_LINE_LENGTH,
  MAX_PRINTABLE_LENGTH,
  printable,
  printableJson,
  printableLine,
} from '#shared/text/printable.ts';
import { Untrusted } from '#shared/text/untrusted.ts';
import { type LogEvent, logLineFrom } from '../../../../services/agent/notices/log-line.ts';
import { commandsIn, forbiddenIn } from '../../../support/text/hostile-text.ts';

const MARKERS = [
  '##vso[',
  '##[',
  '##',
  '::',
  ':',
  '#',
  '::error::',
  '##teamcity[',
  '--- ',
  '+++ ',
  '\n',
  '\r',
  '\u200b',
  '\u00ad',
];
/** Any UTF-16, and pieces of commands in any order: in one another, cut in two, with nothing to see between them. */
const anything = fc
  .array(
    fc.oneof(
      fc.constantFrom(...MARKERS),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom('\ud83d', '\ude00', 'é', '😀', 'a'),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

function judge(text: string): void {
  expect(forbiddenIn(text)).toEqual([]);
  expect(commandsIn(text)).toEqual([]);
  expect(text).not.toContain('\n');
}

describe('printable text', () => {
  test('has no control character, no mark of direction, and no command, alone or beside a colon or a sharp of ours', () => {
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        judge(`x ${printable(a)}`);
        if (!isPlainAddress(a) && !isPlainAddress(b))
          judge(`x ${printable(a)}:${printable(b)}::`.slice(0, -2));
      }),
      { numRuns: 3_000 },
    );
  });

  test('a part of an address is none', () => {
    expect(printable('::a', 3)).toBe('::a');
    expect(printable('::a', 2)).toBe('…');
  });

  test('is the same when it is made printable again', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 40 }), (text, maxLength) => {
        const once = printable(text, maxLength);
        expect(printable(once, maxLength)).toBe(once);
        expect(once.length).toBeLessThanOrEqual(maxLength);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ['an escape', '\u001b[31mred', String.raw`\u{1b}[31mred`],
    ['line ends', 'a\r\nb\tc', String.raw`a\r\nb\tc`],
    ['C1 and DEL', '\u009b\u0085\u007f', String.raw`\u{9b}\u{85}\u{7f}`],
    ['direction', '\u202eabc\u2066\u061c', String.raw`\u{202e}abc\u{2066}\u{61c}`],
    ['no width', 'a\u200bb\ufeff\u2060\u00ad', String.raw`a\u{200b}b\u{feff}\u{2060}\u{ad}`],
    ['separators', 'a\u2028b\u2029', String.raw`a\u{2028}b\u{2029}`],
    ['odd spaces', 'a\u00a0\u3000b', String.raw`a\u{a0}\u{3000}b`],
    ['annotations and tags', '\ufff9x\u{e0041}', String.raw`\u{fff9}x\u{e0041}`],
    ['fillers', '\u3164\u115f\u034f\ufe0f', String.raw`\u{3164}\u{115f}\u{34f}\u{fe0f}`],
    ['half a pair', 'a\ud83d', String.raw`a\u{d83d}`],
    ["Azure's command", '##vso[a]b', String.raw`#\u{23}vso[a]b`],
    ["GitHub's commands", '##[a]b ::c::', String.raw`#\u{23}[a]b :\u{3a}c:\u{3a}`],
    ['one in another', '##v##vso[so[a]', String.raw`#\u{23}v#\u{23}vso[so[a]`],
    ['a zone that is a command', '::1%a::b::', String.raw`\u{3a}\u{3a}1%a:\u{3a}b:\u{3a}`],
    ['an address', '2001:db8::1', '2001:db8::1'],
    ['other scripts, signs and emoji', 'né Ünï 漢字 عربى 😀 a#1 b:2', 'né Ünï 漢字 عربى 😀 a#1 b:2'],
  ])('shows what it was: %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('ends at its limit, never inside a character or an escape', () => {
    const limit = MAX_PRINTABLE_LENGTH;
    expect(printable('y'.repeat(limit))).toBe('y'.repeat(limit));
    expect(printable('y'.repeat(limit + 1))).toBe(`${'y'.repeat(limit - 1)}…`);
    expect(printable('abc😀def', 5)).toBe('abc…');
    expect(printable('abc\u001bdef', 8)).toBe('abc…');
    expect(printable('abc\u001bd', 10)).toBe(String.raw`abc\u{1b}d`);
  });
});

describe('a printable line', () => {
  test('has no control character and no command, whatever was put together', () => {
    fc.assert(
      fc.property(anything, (text) => {
        judge(printableLine(text));
        judge(printableLine(`converge: ${text}`));
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    'connection from ::1',
    'refused x from 2001:db8::9: wrong password (attempt 1)',
    '  ./tcptows 2222 "ws://[2001:db8::1]:8080/client/job#SHA256:abc"',
    '=== converge: this job is open for SSH ===',
  ])('is left as it is where it is ours: %s', (line) => {
    expect(printableLine(line)).toBe(line);
  });

  test.each([
    [' ::error::x', String.raw` :\u{3a}error:\u{3a}x`],
    ['::1 is an address, but not here', String.raw`\u{3a}:1 is an address, but not here`],
    ['--- a group', String.raw`\u{2d}-- a group`],
    ['+++ a group', String.raw`\u{2b}++ a group`],
    ['^^^ +++', String.raw`\u{5e}^^ +++`],
  ])('starts with no command: %s', (line, shown) => {
    expect(printableLine(line)).toBe(shown);
  });

  test('has a limit', () => {
    expect(printableLine('y'.repeat(MAX_LINE_LENGTH))).toHaveLength(MAX_LINE_LENGTH);
    expect(printableLine('y'.repeat(MAX_LINE_LENGTH + 1))).toBe(`${'y'.repeat(MAX_LINE_LENGTH - 1)}…`);
  });
});

describe('printable JSON', () => {
  test('means the same, in ASCII where that cannot be seen', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), anything), (value) => {
        const line = printableJson(`${JSON.stringify(value)}\n`);
        expect(line.endsWith('\n')).toBe(true);
        expect(forbiddenIn(line)).toEqual([]);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('the job log', () => {
  const address = '2001:db8::7';

  test('has one line of text for every event, whatever strangers put into it', () => {
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        const [user, other] = [new Untrusted(a), new Untrusted(b)];
        const gone = { address, user, connectedMs: 1, clients: 0 };
        const events: LogEvent[] = [
          {
            kind: 'logged_in',
            address,
            user,
            credential: { kind: 'key', fingerprint: 'SHA256:x', comment: other },
          },
          { kind: 'logged_out', ...gone },
          { kind: 'passed_by', ...gone },
          { kind: 'lost', ...gone, reason: 'lost', deadline: 0 },
          { kind: 'refused', address, user, reason: other, attempt: 1 },
          { kind: 'relay_back', pod: user },
          { kind: 'ssh', text: 'forward refused', fields: { host: a, list: [b] } },
          { kind: 'note', text: `could not open the stream for ${address}: ${a}` },
        ];
        for (const event of events) {
          const line = logLineFrom(event, 0);
          judge(line);
          expect(line).toMatch(/^converge 00:00:00 UTC: /);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
