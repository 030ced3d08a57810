// What Windows is told as one line of text: command lines, scripts, variables; and which program a name means.
import { execFileSync } from 'node:child_process';
import { assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { argumentQuoted } from '#shared/text/argument-quoted.ts';
import { findWindowsProgram } from '../../../../services/agent/platform/windows/program-search.ts';
import { WINDOWS_COMMAND_PLACE } from '../../../../services/agent/platform/windows/windows-command-place.ts';
import { windowsShells } from '../../../../services/agent/platform/windows/windows-shells.ts';
import { windowsVariables } from '../../../../services/agent/platform/windows/windows-variables.ts';

const SYSTEM = 'C:\\Windows\\System32';
const CMD = `${SYSTEM}\\cmd.exe`;
const POWERSHELL = `${SYSTEM}\\WindowsPowerShell\\v1.0\\powershell.exe`;
const ENV = { SystemRoot: 'C:\\Windows', ComSpec: CMD, PATH: `C:\\tools;${SYSTEM}` };

function shellsWith(...files: string[]) {
  return windowsShells(ENV, (path) => files.includes(path));
}

/** Microsoft's rules ("Parsing C command-line arguments"), read from the page and written down here once more. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    const [run = ''] = /^\\*/.exec(line.slice(at)) ?? [];
    if (run !== '' && line[at + run.length] === '"') {
      word = (word ?? '') + '\\'.repeat(Math.floor(run.length / 2));
      at += run.length;
      if (run.length % 2 === 1) word += '"';
      else isQuoted = !isQuoted;
    } else if (line[at] === '"') {
      word ??= '';
      isQuoted = !isQuoted;
    } else if (/[ \t]/.test(line[at] ?? '') && !isQuoted) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + line[at];
  }
  return word === undefined ? words : [...words, word];
}

test('a quoted word is taken apart as that word, whatever is in it', () => {
  expect(argumentQuoted('say "hi" C:\\')).toBe('"say \\"hi\\" C:\\\\"');
  const anyWord = string({ unit: constantFrom('\\', '"', ' ', 'a', '\t', '%', 'ü') });
  assert(
    property(anyWord, anyWord, (first, second) => {
      expect(wordsOf(`x.exe ${argumentQuoted(first)} ${argumentQuoted(second)}`)).toEqual([
        'x.exe',
        first,
        second,
      ]);
    }),
  );
});

describe('shells', () => {
  test('are PowerShell for people and cmd for commands, and cmd alone where there is no PowerShell', () => {
    expect(shellsWith(POWERSHELL).choose(undefined, ENV)).toEqual({ shell: POWERSHELL, commandShell: CMD });
    expect(shellsWith().choose(undefined, ENV)).toEqual({ shell: CMD, commandShell: CMD });
    expect(shellsWith().choose(undefined, {})).toMatchObject({ shell: 'C:\\Windows\\System32\\cmd.exe' });
  });

  test('are the one that was asked for, by its name or its path, for everything', () => {
    const pwsh = 'C:\\tools\\pwsh.exe';
    expect(shellsWith(pwsh, CMD).choose('pwsh', ENV)).toEqual({ shell: pwsh });
    expect(shellsWith(pwsh, CMD).choose('cmd', ENV)).toEqual({ shell: CMD });
    expect(shellsWith(pwsh).choose(pwsh, ENV)).toEqual({ shell: pwsh });
    expect(shellsWith().choose('fish', ENV)).toEqual({ shell: 'fish' });
  });

  const command = Buffer.from('echo "a b" & echo ü');
  const line = (shell: string, text: Buffer | undefined, hasTerminal = false): string =>
    windowsShells(ENV).argumentsFor(shell, text, hasTerminal).map(String).join(' ');

  // By its path: cmd would look for it in the job's own folder first.
  const IN_UTF8 = `"${SYSTEM}\\chcp.com" 65001 >nul 2>nul`;

  test('cmd gets a command as it is, in quotes that it takes off again', () => {
    expect(line(CMD, command)).toBe(`"${CMD}" /c "${IN_UTF8} & echo "a b" & echo ü"`);
    expect(line('C:\\X\\CMD.EXE', command)).toContain(' /c ');
  });

  test.each(['powershell', 'pwsh.exe'])('%s gets a command as one word, and no profile', (name) => {
    const [file, ...words] = wordsOf(line(`C:\\p q\\${name}`, command));
    expect([file, ...words.slice(0, 2)]).toEqual([`C:\\p q\\${name}`, '-NoProfile', '-Command']);
    expect(words[2]).toMatch(/UTF8Encoding.*;echo "a b" & echo ü$/);
    expect(words).toHaveLength(3);
  });

  test('others get -c and one word', () => {
    expect(wordsOf(line('C:\\Git\\bin\\bash.exe', command))).toEqual([
      'C:\\Git\\bin\\bash.exe',
      '-c',
      String(command),
    ]);
  });

  test('a person gets a shell that stays, in UTF-8; a script on a pipe gets it bare', () => {
    expect(line(CMD, undefined, true)).toBe(`"${CMD}" /k "${IN_UTF8}"`);
    expect(wordsOf(line(POWERSHELL, undefined, true)).slice(1, 4)).toEqual([
      '-NoLogo',
      '-NoExit',
      '-Command',
    ]);
    expect(line('C:\\bash.exe', undefined, true)).toBe('"C:\\bash.exe"');
    expect([CMD, POWERSHELL].map((shell) => line(shell, undefined))).toEqual([`"${CMD}"`, `"${POWERSHELL}"`]);
  });
});

describe('the files of `converge`', () => {
  const program = ['C:\\a 100%\\agent.exe', '--session-command', '\\\\.\\pipe\\converge-command-x'];

  test('are one for cmd and PowerShell, where a percent sign is none of a variable', () => {
    const [{ name, text }] = WINDOWS_COMMAND_PLACE.shims(program);
    expect(name).toBe('converge.cmd');
    expect(text.split('\r\n')).toEqual([
      '@echo off',
      'setlocal',
      'set "NODE_OPTIONS="',
      '"C:\\a 100%%\\agent.exe" "--session-command" "\\\\.\\pipe\\converge-command-x" %*',
      '',
    ]);
  });

  test('one in a folder that is not plain sets the code page in which it is written', () => {
    const [{ text }] = WINDOWS_COMMAND_PLACE.shims(['C:\\Jörg\\agent.exe']);
    expect(text.split('\r\n')[1]).toBe('"%SystemRoot%\\System32\\chcp.com" 65001 >nul');
  });

  test('and one for the shells of Git, which starts the program with these words', () => {
    const [, shim] = WINDOWS_COMMAND_PLACE.shims(['C:\\bin\\echo', "it's", '\\\\.\\pipe\\x']);
    expect(shim?.name).toBe('converge');
    const text = shim?.text.replace("'C:/bin/echo'", 'echo') ?? '';
    const said = execFileSync('/bin/sh', ['-c', text, 'converge', 'hold', '2 h'], { encoding: 'utf8' });
    expect(said.replaceAll('\\\\', '\\')).toBe("it's \\.\\pipe\\x hold 2 h\n");
  });

  test('lie where PATH can have them, and are asked by pipes that nobody can guess', () => {
    const place = WINDOWS_COMMAND_PLACE;
    expect(['C:\\x', '\\\\server\\share', 'x', 'C:\\a;b'].map((folder) => place.unfitness(folder))).toEqual([
      undefined,
      'not a path with a drive',
      'not a path with a drive',
      'a semicolon cannot be on PATH',
    ]);
    const addresses = [place.socketFor('C:\\x'), place.socketFor('C:\\x')];
    expect(new Set(addresses).size).toBe(2);
    for (const address of addresses) expect(address).toMatch(/^\\\\\.\\pipe\\converge-command-[0-9a-f]{32}$/);
    expect(place.pathWith('C:\\x', 'C:\\y')).toBe('C:\\x;C:\\y');
    expect(place.pathWith('C:\\x', undefined)).toBe('C:\\x;C:\\Windows\\System32;C:\\Windows');
  });
});

test('variables have one name in capitals and small letters, and the last value of these', () => {
  const variables = windowsVariables(
    new Map<string, string | Buffer>([
      ['Path', 'C:\\old'],
      ['b', Buffer.from('ü')],
      ['PATH', 'C:\\new'],
      ['A', '1'],
    ]),
  );
  expect(Object.entries(variables)).toEqual([
    ['A', '1'],
    ['b', 'ü'],
    ['Path', 'C:\\new'],
  ]);
});

describe('a program by its name', () => {
  const files = [
    'C:\\b\\tool.exe',
    'C:\\c\\tool.exe',
    'C:\\b\\old.com',
    'C:\\b\\script.cmd',
    'C:\\b\\x.exe.exe',
  ];
  const find = (name: string, path = '.;;b;C:\\a;C:\\b;C:\\c') =>
    findWindowsProgram(name, path, (file) => files.includes(file));

  test('is the first in PATH, with or without what stands behind names', () => {
    expect(['tool', 'tool.exe', 'TOOL.EXE', 'old', 'none'].map((name) => find(name))).toEqual([
      'C:\\b\\tool.exe',
      'C:\\b\\tool.exe',
      undefined,
      'C:\\b\\old.com',
      undefined,
    ]);
  });

  test('is none of the working directory, nor a script, which would need a shell', () => {
    expect(findWindowsProgram('tool', '.;', () => true)).toBeUndefined();
    expect(find('script')).toBeUndefined();
    expect(find('C:\\c\\tool')).toBe('C:\\c\\tool.exe');
  });

  test('is not found in a folder that the system does not look into, and that is no fault', () => {
    // As one that is closed to this user: asking is an error, and another one than that nothing is there.
    expect(findWindowsProgram('tool', `/${'x'.repeat(300)}`)).toBeUndefined();
    expect(windowsShells(ENV).choose('pwsh', { PATH: `/${'x'.repeat(300)}` })).toEqual({ shell: 'pwsh' });
  });
});
