// Quoting: what real shells, ssh and rsync make of the words.
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { pastedLine, proxyCommandOf, remoteShellOf } from '../../../../services/clients/tools/quoting.ts';

const WORDS = [
  '/opt/my tools/wsproxy',
  '--identity',
  "it's",
  '$HOME `x` "q" \\ !',
  '',
  '100%',
  'wss://[::1]:80/client/a#SHA256:b+/c',
];

describe('on POSIX systems', () => {
  test.each(['sh', 'bash'])(
    '%s gets from a pasted line and from a ProxyCommand the words that went in',
    (shell) => {
      for (const line of [pastedLine(WORDS, 'linux'), proxyCommandOf(WORDS, 'linux').replaceAll('%%', '%')]) {
        const output = execFileSync(shell, ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' });
        expect(output.split('\n').slice(0, -1)).toEqual(WORDS);
      }
    },
  );

  test('ssh finds its own percent signs doubled', () => {
    expect(proxyCommandOf(['a%b', '%h'], 'darwin')).toBe('"a%%b" "%%h"');
  });

  test('quotes within quotes are of the other kind', () => {
    expect(
      pastedLine(['ssh', '-o', `ProxyCommand=${proxyCommandOf(['a b', 'c#d'], 'linux')}`], 'linux'),
    ).toBe(`ssh -o 'ProxyCommand="a b" "c#d"'`);
  });
});

test('rsync gets quotes doubled, and no backslashes', () => {
  expect(remoteShellOf(['ssh', '-o', `A="it's"`])).toBe(`ssh -o 'A="it''s"'`);
});

describe('on Windows', () => {
  const words = ['C:\\Program Files\\wsproxy.exe', '--wait', '5m', 'wss://h/client/a#SHA256:b+/c'];

  test('a ProxyCommand has slashes, and quotes only where they are needed', () => {
    expect(proxyCommandOf(words, 'win32')).toBe(
      '"C:/Program Files/wsproxy.exe" --wait 5m wss://h/client/a#SHA256:b+/c',
    );
    expect(proxyCommandOf(['\\\\server\\share\\wsproxy.exe'], 'win32')).toBe('//server/share/wsproxy.exe');
  });

  test.each([
    ["C:\\Users\\O'Brien\\wsproxy.exe", `"C:/Users/O'Brien/wsproxy.exe"`],
    ['C:\\R&D(x86)\\wsproxy.exe', '"C:/R&D(x86)/wsproxy.exe"'],
    ['C:\\a;b\\wsproxy.exe', '"C:/a;b/wsproxy.exe"'],
    ['keys\\mine', '"keys\\mine"'],
  ])('the shell of Git starts %s as OpenSSH does', (word, quoted) => {
    const line = proxyCommandOf([word], 'win32');
    expect(line).toBe(quoted);
    expect(execFileSync('sh', ['-c', `printf %s ${line}`], { encoding: 'utf8' })).toBe(quoted.slice(1, -1));
  });

  test('a pasted line follows the rules of C programs', () => {
    const option = `ProxyCommand=${proxyCommandOf(['C:\\wsproxy.exe', 'wss://h/client/a#b'], 'win32')}`;
    expect(pastedLine(['ssh', '-o', option, 'a-1'], 'win32')).toBe(
      'ssh -o "ProxyCommand=C:/wsproxy.exe wss://h/client/a#b" a-1',
    );
    expect(pastedLine(['a "b"', 'c d\\', ''], 'win32')).toBe('"a \\"b\\"" "c d\\\\" ""');
  });
});
