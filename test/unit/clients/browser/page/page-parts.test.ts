// Small parts of the page: what is shown of strangers' text, which keys are the page's, what an image is.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { visibleText } from '../../../../../services/clients/browser/page/dom/visible-text.ts';
import { sizeText } from '../../../../../services/clients/browser/page/files/file-text.ts';
import { imageTypeOf } from '../../../../../services/clients/browser/page/files/image-type.ts';
import { lineEndsOf, withLineEnds } from '../../../../../services/clients/browser/page/files/line-ends.ts';
import { crumbsOf, isFileName, pathIn } from '../../../../../services/clients/browser/page/files/path.ts';
import { jobStatusFrom } from '../../../../../services/clients/browser/page/job-status.ts';
import {
  actionOf,
  type PressedKey,
  systemOf,
} from '../../../../../services/clients/browser/page/terminal/key-map.ts';
import { pastedText } from '../../../../../services/clients/browser/page/terminal/pasted-text.ts';

describe('text of strangers', () => {
  test.each([
    ['plain ünïcode ☃ a::b', 'plain ünïcode ☃ a::b'],
    ['cod\u202egnp.exe', 'cod\\u{202e}gnp.exe'],
    ['a\u200bb\u0000\u001b[31m\n\t', 'a\\u{200b}b\\u{0}\\u{1b}[31m\\n\\t'],
    ['\ud800', '\\u{d800}'],
    ['x'.repeat(400), `${'x'.repeat(299)}…`],
  ])('%j is shown as %j', (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  test('nothing in it is unseen, and it is never longer than it may be', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 80 }), (text, most) => {
        const shown = visibleText(text, most);
        expect(shown.length).toBeLessThanOrEqual(most);
        expect(shown).not.toMatch(/\p{Cc}|\p{Cf}|[\u2028\u2029]/u);
      }),
    );
  });
});

describe('keys', () => {
  const pressed = (code: string, modifiers: Partial<PressedKey> = {}): PressedKey => ({
    key: code.replace(/^Key/, '').toLowerCase(),
    code,
    ctrlKey: false,
    shiftKey: false,
    altKey: false,
    metaKey: false,
    ...modifiers,
  });
  const ctrl = { ctrlKey: true };
  const both = { ctrlKey: true, shiftKey: true };

  test.each([
    ['Linux x86_64', 'KeyC', ctrl, true, 'job'],
    ['Linux x86_64', 'KeyC', both, true, 'copy'],
    ['Linux x86_64', 'KeyV', ctrl, false, 'job'],
    ['Linux x86_64', 'KeyV', both, false, 'paste'],
    ['Win32', 'KeyC', ctrl, true, 'copy'],
    ['Win32', 'KeyC', ctrl, false, 'job'],
    ['Win32', 'KeyV', ctrl, false, 'paste'],
    ['MacIntel', 'KeyC', ctrl, true, 'job'],
    ['MacIntel', 'KeyC', { metaKey: true }, true, 'copy'],
    ['MacIntel', 'KeyV', { metaKey: true }, false, 'paste'],
    ['MacIntel', 'KeyF', { metaKey: true }, false, 'find'],
    ['Linux x86_64', 'KeyF', both, false, 'find'],
    ['Linux x86_64', 'KeyV', { ...both, altKey: true }, false, 'job'],
  ] as const)(
    '%s: %s %j with a selection %s is for %s',
    (platform, code, modifiers, hasSelection, action) => {
      expect(actionOf(pressed(code, modifiers), systemOf(platform), hasSelection)).toBe(action);
    },
  );
});

describe('a paste', () => {
  test('is text and nothing else: it cannot close the brackets that the terminal puts around it', () => {
    expect(pastedText('ls\u001b[201~\rrm -rf .\n')).toBe('ls␛[201~\rrm -rf .\n');
    expect(pastedText('a\u009b201~b\u007f\u0003\u0000')).toBe('a\ufffd201~b␡␃␀');
  });

  test('keeps lines, tabs and all that is no control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (words) => {
        const text = `${words.replaceAll(/\p{Cc}/gu, '')}\t☃\r\n`;
        expect(pastedText(text)).toBe(text);
      }),
    );
  });
});

describe('line ends', () => {
  /** What a text area gives back of what was put into it (HTML, the API value). */
  const inArea = (text: string): string => text.replaceAll(/\r\n?/g, '\n');

  test.each([
    ['', '\n'],
    ['a\nb\n', '\n'],
    ['a\r\nb\r\n', '\r\n'],
    ['a\r\nb\n', 'mixed'],
    ['a\rb', 'mixed'],
    ['a\r\r\nb', 'mixed'],
  ])('of %j are %j', (text, ends) => {
    expect(lineEndsOf(text)).toBe(ends);
  });

  test('come back to the byte, or nothing is changed', () => {
    const word = fc.constantFrom('a', '\r', '\n', '\r\n', '☃');
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const text = words.join('');
        const ends = lineEndsOf(text);
        if (ends !== 'mixed') expect(withLineEnds(inArea(text), ends)).toBe(text);
        else expect(['\n', '\r\n'].map((one) => withLineEnds(inArea(text), one as '\n'))).not.toContain(text);
      }),
    );
  });
});

describe('an image', () => {
  test.each([
    ['\u0089PNG\r\n\u001a\n', 'image/png'],
    ['\u00ff\u00d8\u00ff\u00e0', 'image/jpeg'],
    ['GIF89a', 'image/gif'],
    ['RIFF1234WEBPVP8 ', 'image/webp'],
    ['<svg xmlns="http', undefined],
    ['<!doctype html>', undefined],
    ['RIFF1234WAVE', undefined],
    ['', undefined],
  ])('that begins with %j is %s', (head, type) => {
    expect(imageTypeOf(Buffer.from(head, 'latin1'))).toBe(type);
  });
});

describe('files', () => {
  test('have sizes that people read', () => {
    expect([0, 999, 1_000, 99_950, 999_500, 48_231_004, 2 ** 41].map(sizeText)).toEqual([
      '0 B',
      '999 B',
      '1.0 KB',
      '100 KB',
      '1.0 MB',
      '48.2 MB',
      '2.2 TB',
    ]);
  });

  test('have names of one segment, and paths that begin at the root', () => {
    expect(['a', '..a', '', '.', '..', 'a/b', 'a\0'].map(isFileName)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect([pathIn('/', 'a'), pathIn('/b', 'a')]).toEqual(['/a', '/b/a']);
    expect(crumbsOf('/b/a').map(({ path }) => path)).toEqual(['/', '/b', '/b/a']);
    expect(crumbsOf('/')).toHaveLength(1);
  });
});

describe('the status of a job', () => {
  test('is what the agent says, whatever a job may print there', () => {
    expect(jobStatusFrom('{"endsInMs":5,"neverAfterMs":7,"held":true,"more":1}')).toEqual({
      endsInMs: 5,
      neverAfterMs: 7,
      isHeld: true,
    });
    for (const text of [
      '',
      'null',
      '[]',
      '{"endsInMs":"5","neverAfterMs":7,"held":true}',
      '{"endsInMs":1e999,"neverAfterMs":7,"held":true}',
    ])
      expect(jobStatusFrom(text), text).toBeUndefined();
  });
});
