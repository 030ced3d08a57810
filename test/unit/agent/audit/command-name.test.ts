// The name of a command: nothing but a name ever comes out, whatever somebody typed.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandNameOf } from '../../../../services/agent/audit/command-name.ts';

const nameOf = (text: string): string => commandNameOf(Buffer.from(text));

test.each([
  ['make', 'make'],
  ['  make -j8 TOKEN=secret', 'make'],
  ['/usr/local/bin/terraform apply', 'terraform'],
  ['./run.sh secret', 'run.sh'],
  ["sh -c 'secret'", 'sh'],
  ['TOKEN=secret make', 'make'],
  ['A=1 B="two words" C=\'x y\' make', 'make'],
  ['A+=1 make', 'make'],
  ['A="it\\"s secret" make', 'make'],
  ['"make" secret', 'make'],
  ['"/opt/my tools/make" all', 'make'],
  ["'make' all", 'make'],
  ['m\\ake all', 'make'],
  ['/opt/my\\ tools/make', 'make'],
  ['cd /secret && make', 'cd'],
  ['make;secret', 'make'],
  ['make|secret', 'make'],
  ['make>secret', 'make'],
  ['make\nsecret', 'make'],
  ['scp -t /secret', 'scp'],
  ['g++ x.cc', 'g++'],
])('%j is %s', (text, name) => {
  expect(nameOf(text)).toBe(name);
});

describe('where it takes a shell to tell, there is none', () => {
  test.each([
    '',
    '   ',
    'TOKEN=secret',
    'TOKEN=secret; make',
    'TOKEN=secret&& make',
    'TOKEN=secret\nmake',
    'TOKEN=$(secret) make',
    'TOKEN="$(secret)" make',
    'TOKEN="unclosed make',
    'arr[0]=secret make',
    'TOKEN=(secret) make',
    '$(secret)',
    '`secret`',
    '$SECRET',
    'ma$SECRET',
    '"$SECRET"',
    '"unclosed secret',
    "'unclosed secret",
    "'two words'",
    '{ secret; }',
    '(secret)',
    '! secret',
    '<secret cat',
    '# secret',
    '-secret',
    'a=b=c',
    '/secret/',
    'secret*',
    'kö',
    'user@secret',
    `x${'x'.repeat(64)}`,
    '\u001b]0;secret\u0007',
  ])('%j', (text) => {
    expect(nameOf(text)).toBe('?');
  });
});

test('of any bytes there is a short plain word, or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6_000 }), (bytes) => {
      expect(commandNameOf(Buffer.from(bytes))).toMatch(/^(\?|[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63})$/);
    }),
  );
});

test('the value of a variable never comes out, however it is quoted', () => {
  const value = fc.string({ unit: fc.constantFrom('S', '"', "'", '\\', ' ', '=', '/', '$', ';', '\n', 'S') });
  fc.assert(
    fc.property(value, value, (secret, rest) => {
      const quoted = `'${secret.replaceAll("'", "'\\''")}'`;
      expect(nameOf(`TOKEN=${quoted} make ${rest.replaceAll(/^\s*/g, '')}`)).toBe('make');
    }),
    { numRuns: 2_000 },
  );
});

test('a command line that costs a careless reader minutes costs little', () => {
  expect(nameOf(`${'a=b '.repeat(100_000)}make`)).toBe('?');
  expect(nameOf(`"${'\\a'.repeat(100_000)}`)).toBe('?');
});
