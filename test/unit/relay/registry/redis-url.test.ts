// The Redis URL: its forms, its faults, and that no fault repeats a secret.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeRedisTarget, parseRedisUrl } from '../../../../services/relay/registry/redis/redis-url.ts';

const plain = { login: undefined, tls: false };

describe('a redis url', () => {
  test.each([
    ['redis://r.test', { ...plain, kind: 'single', host: 'r.test', port: 6379, database: 0 }],
    ['redis://127.0.0.1:7000/', { ...plain, kind: 'single', host: '127.0.0.1', port: 7000, database: 0 }],
    ['redis://[::1]:7000/3', { ...plain, kind: 'single', host: '::1', port: 7000, database: 3 }],
    [
      'rediss://us%40er:p%2Fa%3Ass@r.test/2',
      {
        kind: 'single',
        host: 'r.test',
        port: 6379,
        database: 2,
        tls: true,
        login: { username: 'us@er', password: 'p/a:ss' },
      },
    ],
    [
      'redis://:secret:with@at@r.test',
      {
        kind: 'single',
        host: 'r.test',
        port: 6379,
        database: 0,
        tls: false,
        login: { password: 'secret:with@at' },
      },
    ],
    [
      'redis+sentinel://:pw@a:1,b/mymaster/4?sentinel_password=s%26p',
      {
        kind: 'sentinel',
        sentinels: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26_379 },
        ],
        master: 'mymaster',
        database: 4,
        login: { password: 'pw' },
        sentinelLogin: { password: 's&p' },
        tls: false,
      },
    ],
    [
      'rediss+cluster://a:7000,b',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
        ],
        login: undefined,
        tls: true,
      },
    ],
  ])('%s is understood', (text, target) => {
    expect(parseRedisUrl(text)).toEqual({ kind: 'valid', target });
  });

  test.each([
    ['', 'is none of redis://'],
    ['http://r.test', 'is none of redis://'],
    ['redis+proxy://r.test', 'is none of redis://'],
    ['redis://', 'the host is empty'],
    ['redis://r.test:0', 'the port of the host is not from 1 to 65535'],
    ['redis://r.test:70000', 'the port of the host is not from 1 to 65535'],
    ['redis://r test', 'the host is not HOST or HOST:PORT'],
    ['redis://a,b', 'names several hosts'],
    ['redis://a/one', 'has a database that is not a number'],
    ['redis://a/1/2', 'has more path than a database number'],
    ['redis://a?db=1', 'takes no ? parameters'],
    ['redis://secret@a', 'has a user without a password'],
    ['redis://user:@a', 'has an empty password'],
    ['redis://:sec%ret@a', 'has a % in user or password'],
    ['redis://:sec/ret@a', 'has a / or ? before the @'],
    ['redis://:sec#ret@a', 'has a #'],
    ['redis+sentinel://a,b', 'names no master'],
    ['redis+sentinel://a,,b/m', 'host 2 of 3 is empty'],
    ['redis+sentinel://a/m?secret=1', 'has unknown ? parameters'],
    ['redis+sentinel://a/m?sentinel_username=secret', 'has a sentinel_username without'],
    ['redis+cluster://a,b/1', 'names a database'],
  ])('%s is refused: %s', (text, fault) => {
    const result = parseRedisUrl(text);
    expect(result).toMatchObject({ kind: 'invalid', fault: expect.stringContaining(fault) });
    expect(result.kind === 'invalid' && result.fault).not.toMatch(/sec|ret/);
  });

  test('no text makes the parser throw', () => {
    const texts = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('redis://', 'rediss+sentinel://', 'redis+cluster://'), fc.string())
        .map(([scheme, rest]) => scheme + rest),
    );
    fc.assert(fc.property(texts, (text) => ['valid', 'invalid'].includes(parseRedisUrl(text).kind)));
  });

  test('any user and password arrive, and are not in the description', () => {
    const word = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(word, word, (username, password) => {
        const text = `redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@r.test/1`;
        const result = parseRedisUrl(text);
        if (result.kind === 'invalid') throw new Error(result.fault);
        expect(result.target.login).toEqual({ username, password });
        expect(describeRedisTarget(result.target)).toBe('redis://r.test:6379/1');
      }),
    );
  });

  test.each(['redis://[::1]:7000/3', 'rediss+sentinel://a:1,b:2/m/0', 'redis+cluster://a:1,b:2'])(
    'the description of %s is what was given',
    (text) => {
      const result = parseRedisUrl(text);
      expect(result.kind === 'valid' && describeRedisTarget(result.target)).toBe(text);
    },
  );
});
