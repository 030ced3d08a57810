// What the action tells the runner, and the runner of the tests itself: both held against the documented commands.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RunnerProtocol } from '../../../../deploy/ci/github/runner-protocol.ts';
import { parseAssignments, parseCommandLine } from '../../../support/github/documented-commands.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'converge-protocol-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** Whatever somebody may have put into a name, a line end among it. */
const anyText = oneof(
  string({ unit: 'binary' }),
  array(
    constantFrom('::', '##[', 'set-env name=A::', 'warning::', '\n', '\r', ' ', '%0A', 'a', '<<', '='),
  ).map((parts) => parts.join('')),
);

describe('the runner of the tests', () => {
  // The forms of the documentation.
  test.each([
    ['::debug::words', { name: 'debug', data: 'words' }],
    [
      '::notice file=app.js,line=1,col=5,endColumn=7,title=YOUR-TITLE::words',
      { name: 'notice', data: 'words' },
    ],
    ['::warning file=app.js,line=1,endLine=2::words', { name: 'warning' }],
    ['::error file=app.js,line=1,col=5::words', { name: 'error' }],
    ['::group::My title', { name: 'group', data: 'My title' }],
    ['::endgroup::', { name: 'endgroup', data: '' }],
    ['::add-mask::Mona The Octocat', { name: 'add-mask', data: 'Mona The Octocat' }],
    ['::stop-commands::token', { name: 'stop-commands' }],
    ['::echo::on', { name: 'echo', data: 'on' }],
    ['::WARNING title=a::100%25%0Amore', { name: 'warning', data: '100%\nmore', parameters: { title: 'a' } }],
  ])('obeys %s', (line, command) => {
    expect(parseCommandLine(line)).toMatchObject(command);
  });

  test.each([
    '::set-env name=A::b',
    '::add-path::/tmp',
    '::set-output name=a::b',
    '::save-state name=a::b',
    '::anything::at all',
    '  ::anything::at all',
    '::warning colour=red::words',
    '::warning title::words',
    'words ##[warning]more',
    '::warning without an end',
  ])('refuses %s', (line) => {
    expect(() => parseCommandLine(line)).toThrow(/unknown|undocumented|without/);
  });

  test('reads both forms of a file, and refuses what the runner refuses', () => {
    expect([...parseAssignments('a=b=c\nd<<EOF\n1\n2\nEOF\n')]).toEqual([
      ['a', 'b=c'],
      ['d', '1\n2'],
    ]);
    for (const text of ['a<<EOF\n1\n', 'words', 'a<<\nb\n']) expect(() => parseAssignments(text)).toThrow();
  });
});

describe('the action', () => {
  test('says words as words, whatever is in them', () => {
    assert(
      property(anyText, (text) => {
        let log = '';
        new RunnerProtocol({}, (line) => {
          log += line;
        }).say(text);
        for (const line of log.split('\n')) expect(parseCommandLine(line)).toBeUndefined();
      }),
    );
  });

  test.each(['notice', 'warning'] as const)(
    'a %s is one documented command with all of its words',
    (name) => {
      assert(
        property(anyText, (text) => {
          const lines: string[] = [];
          new RunnerProtocol({}, (line) => lines.push(line))[name](text);
          expect(lines).toHaveLength(1);
          const line = (lines[0] ?? '').slice(0, -1);
          if (/[\n\r]/.test(line)) expect.fail(`more than a line: ${line}`);
          // Of the runner of the tests, whose older form is refused anywhere.
          if (line.includes('##[')) return;
          expect(parseCommandLine(line)).toEqual({ name, parameters: { title: 'Converge' }, data: text });
        }),
      );
    },
  );

  test('outputs and state come out as they went in', () => {
    const path = folder();
    assert(
      property(anyText, (text) => {
        const file = join(path, 'output');
        rmSync(file, { force: true });
        const runner = new RunnerProtocol({ GITHUB_OUTPUT: file, GITHUB_STATE: file }, () => {});
        runner.setOutput('first', text);
        runner.saveState('second', text);
        const wellFormed = Buffer.from(text).toString();
        expect([...parseAssignments(readFileSync(file, 'utf8'))]).toEqual([
          ['first', wellFormed],
          ['second', wellFormed],
        ]);
      }),
    );
  });

  test('masks line by line, and no empty line', () => {
    const lines: string[] = [];
    new RunnerProtocol({}, (line) => lines.push(line)).mask('one\n\n two \r\n');
    expect(lines.map((line) => parseCommandLine(line.trimEnd())?.data)).toEqual(['one', ' two']);
  });

  test('a file that cannot be written is a line of the log', () => {
    let log = '';
    const missing = join(folder(), 'not there/file');
    const runner = new RunnerProtocol({ GITHUB_OUTPUT: missing, GITHUB_STEP_SUMMARY: missing }, (line) => {
      log += line;
    });
    runner.setOutput('a', 'b');
    runner.setSummary('words');
    runner.saveState('a', 'nowhere to go, outside of a runner');
    expect(log).toMatch(
      /^converge: the file of GITHUB_OUTPUT cannot be written \(ENOENT.*\)\nconverge: .*SUMMARY.*\n$/,
    );
  });
});
