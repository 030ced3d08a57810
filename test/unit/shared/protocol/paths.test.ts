// The paths of a relay: what is taken, what is refused, and that nothing throws.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  agentPath,
  agentStreamPath,
  clientPath,
  isValidId,
  MAX_WAIT_SECONDS,
  parsePublicTarget,
} from '#shared/protocol/paths.ts';

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'.split('');
const validId = fc
  .tuple(
    fc.constantFrom(...ALPHANUMERIC),
    fc.string({ unit: fc.constantFrom(...ALPHANUMERIC, '.', '_', '-'), maxLength: 127 }),
  )
  .map(([first, rest]) => first + rest);
const ticket = fc.string({ unit: fc.constantFrom(...ALPHANUMERIC, '_', '-'), minLength: 1, maxLength: 1024 });

describe('ids', () => {
  test.each(['a', '7', 'build-1', 'A.b_c-d', `x${'y'.repeat(127)}`])('%s is one', (id) => {
    expect(isValidId(id)).toBe(true);
  });

  test.each([
    '',
    '.',
    '..',
    '-a',
    '_a',
    'a/b',
    'a b',
    'a\n',
    'a\0',
    'ü',
    'a%20',
    'a~',
    '$(id)',
    'a;b',
    "a'b",
    'a"b',
    `x${'y'.repeat(128)}`,
  ])('%j is none', (id) => {
    expect(isValidId(id)).toBe(false);
    expect(parsePublicTarget(`/client/${encodeURIComponent(id)}`)).toEqual({ kind: 'invalid_id', id });
  });
});

describe('targets', () => {
  test('every path that is built is read back', () => {
    fc.assert(
      fc.property(validId, ticket, (id, word) => {
        expect(parsePublicTarget(agentPath(id))).toEqual({ kind: 'agent', id });
        expect(parsePublicTarget(clientPath(id))).toEqual({ kind: 'client', id, waitSeconds: 0 });
        expect(parsePublicTarget(agentStreamPath(id, word))).toEqual({
          kind: 'agent_stream',
          id,
          ticket: word,
        });
      }),
    );
  });

  test.each([
    '',
    '/',
    '/agent',
    '/client',
    '/agents/x',
    '/client/x/',
    '/client/x/y',
    '/agent/x/',
    '/agent/x/stream',
    '/agent/x/stream/',
    '/agent/x/stream/t/more',
    '/agent/x/other/t',
    '/client/x/stream/t',
    '//client/x',
    'client/x',
    '/Client/x',
    '/agent/x/stream/a.b',
    `/agent/x/stream/${'t'.repeat(1025)}`,
  ])('%j is nothing of ours', (target) => {
    expect(parsePublicTarget(target)).toEqual({ kind: 'not_found' });
  });

  test.each([
    '/client/%zz',
    '/client/%',
    '/agent/%c3%28',
    '/client/a%2Fb',
    '/agent/..%2f..',
    '/client/?wait=1',
  ])('%j has an invalid id', (target) => {
    expect(parsePublicTarget(target).kind).toBe('invalid_id');
  });

  test('an escaped id is the id', () => {
    expect(parsePublicTarget('/client/%61b')).toEqual({ kind: 'client', id: 'ab', waitSeconds: 0 });
    expect(parsePublicTarget('/client/%2561b')).toEqual({ kind: 'invalid_id', id: '%61b' });
  });

  test.each([
    ['wait=30', 30],
    ['wait=0', 0],
    ['x=1&wait=7&y', 7],
    ['wait=120', 120],
    ['wait=121', MAX_WAIT_SECONDS],
    ['wait=999999', MAX_WAIT_SECONDS],
    ['wait=99999999999999999999', 0],
    ['wait=-1', 0],
    ['wait=1.5', 0],
    ['wait=1e3', 0],
    ['wait=', 0],
    ['wait', 0],
    ['wait=Infinity', 0],
    ['WAIT=3', 0],
  ])('?%s waits for %d s', (query, seconds) => {
    expect(parsePublicTarget(`/client/x?${query}`)).toEqual({
      kind: 'client',
      id: 'x',
      waitSeconds: seconds,
    });
  });

  test('never throws, and gives nothing but valid ids and waits within bounds', () => {
    const target = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webPath(),
      fc
        .array(fc.oneof(fc.constantFrom('', 'agent', 'client', 'stream', '%', '%00', '..'), fc.string()), {
          maxLength: 6,
        })
        .map((parts) => `/${parts.join('/')}`),
      fc
        .tuple(fc.constantFrom('/agent/', '/client/'), fc.string(), fc.string())
        .map(([root, id, query]) => `${root}${id}?wait=${query}`),
    );
    fc.assert(
      fc.property(target, (text) => {
        const parsed = parsePublicTarget(text);
        if ('ticket' in parsed) expect(parsed.ticket).toMatch(/^[\w-]{1,1024}$/);
        if (parsed.kind === 'client') expect(parsed.waitSeconds).toBeLessThanOrEqual(MAX_WAIT_SECONDS);
        if (parsed.kind === 'invalid_id') expect(isValidId(parsed.id)).toBe(false);
        else if (parsed.kind !== 'not_found') expect(isValidId(parsed.id)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
