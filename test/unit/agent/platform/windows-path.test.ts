// Paths of Windows as SFTP clients write them, both ways, and the names that no file can have.
import { assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DRIVES,
  shownPath,
  shownTarget,
  windowsPathFrom,
  windowsTargetFrom,
} from '../../../../services/agent/platform/windows/windows-path.ts';

const CWD = '/D:/a/work';

describe('the path that a client means', () => {
  test.each([
    ['/C:/work/file', 'C:\\work\\file'],
    ['/c:/work', 'C:\\work'],
    ['C:/work', 'C:\\work'],
    ['C:\\work\\file', 'C:\\work\\file'],
    ['/C:', 'C:\\'],
    ['/C:/', 'C:\\'],
    ['file', 'D:\\a\\work\\file'],
    ['sub\\file', 'D:\\a\\work\\sub\\file'],
    ['.', 'D:\\a\\work'],
    ['..', 'D:\\a'],
    ['../../..', DRIVES],
    ['../../../../C:/x', 'C:\\x'],
    ['/D:/a/work/C:/x', 'C:\\x'],
    ['/', DRIVES],
    ['/.', DRIVES],
    ['/..', DRIVES],
    ['//', DRIVES],
    ['/C:/..', DRIVES],
    ['/temp/x', 'D:\\temp\\x'],
    ['a//b/./c/../d/', 'D:\\a\\work\\a\\b\\d'],
    ['//server/share/x', '\\\\server\\share\\x'],
    ['//server/share/../../x', '\\\\server\\share\\x'],
    ['//C:/x', 'C:\\x'],
    ['com', 'D:\\a\\work\\com'],
    ['com10', 'D:\\a\\work\\com10'],
    ['.gitignore', 'D:\\a\\work\\.gitignore'],
    ['grün', 'D:\\a\\work\\grün'],
  ])('%s is %s', (path, meant) => {
    expect(windowsPathFrom(path, CWD)).toBe(meant);
  });

  test('of a job on a share is there too', () => {
    expect(windowsPathFrom('x', '//server/share/job')).toBe('\\\\server\\share\\job\\x');
    expect(windowsPathFrom('/x', '//server/share/job')).toBe('\\\\server\\share\\x');
  });

  test.each([
    'a:b',
    'file.txt:stream',
    'C:x',
    'a*',
    'what?',
    '"',
    '<',
    '>',
    '|',
    'a\u0001',
    'con',
    'CON.txt',
    'x/nul/y',
    'nul .txt',
    'Com1',
    'lpt\u00b9.log',
    'conin$',
    'dot.',
    'space ',
    '...',
  ])('is none for %j, and the reason names it', (path) => {
    expect(() => windowsPathFrom(path, CWD)).toThrow(/^Windows has no files of the name "/);
  });

  test('is none for what is no drive in the place of drives', () => {
    expect(() => windowsPathFrom('../../../../x', CWD)).toThrow(
      'there are only drives in /, and "x" is none',
    );
  });

  test('never leaves names that Windows would read in another way', () => {
    assert(
      property(string({ unit: constantFrom(...'aC:./\\ *con'.split('')) }), (path) => {
        let meant: string;
        try {
          meant = windowsPathFrom(path, CWD);
        } catch {
          return;
        }
        if (meant === DRIVES) return;
        expect(meant).toMatch(/^([A-Z]:\\|\\\\[^\\]+\\[^\\]+\\)([^\\]+(\\[^\\]+)*)?$/);
        for (const name of meant.slice(3).split('\\')) expect(name).not.toMatch(/^\.{1,2}$|[. ]$|[:*]/);
        expect(windowsPathFrom(shownPath(meant), CWD)).toBe(meant);
      }),
    );
  });
});

describe('what a client sees', () => {
  test.each([
    ['C:\\', '/C:/'],
    ['C:\\work\\file', '/C:/work/file'],
    ['\\\\?\\C:\\work', '/C:/work'],
    ['\\\\server\\share\\x', '//server/share/x'],
    ['\\\\?\\UNC\\server\\share', '//server/share'],
    [DRIVES, '/'],
  ])('of %s is %s', (path, shown) => {
    expect(shownPath(path)).toBe(shown);
  });

  test('of the text of links has the slashes of SFTP, and is read back', () => {
    expect(['..\\a\\b', 'C:\\x'].map(shownTarget)).toEqual(['../a/b', '/C:/x']);
    const targets = ['../a/b', '/C:/x', 'C:/x', '/x'].map((target) => windowsTargetFrom(target, CWD));
    expect(targets).toEqual(['..\\a\\b', 'C:\\x', 'C:\\x', 'D:\\x']);
    expect(() => windowsTargetFrom('a:b', CWD)).toThrow('"a:b"');
  });
});
