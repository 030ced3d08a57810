// The first folder that will do: each is tried once, in order, and none more than is needed.
import { expect, test } from 'vitest';
import { inFirstFolder } from '#shared/machine/first-folder.ts';

let tried: string[];

function makeOnlyIn(good: string) {
  tried = [];
  return (parent: string): string => {
    tried.push(parent);
    if (parent !== good) throw new Error('it is full');
    return `${parent}/made`;
  };
}

test('is the first one in which it can be made, and those after it are left alone', () => {
  expect(inFirstFolder(['/a', '/b', '/c'], makeOnlyIn('/b'))).toEqual({ kind: 'made', made: '/b/made' });
  expect(tried).toEqual(['/a', '/b']);
});

test('is none where nothing will do, with the reason of each', () => {
  expect(inFirstFolder(['/a', '/b', '/a'], makeOnlyIn('/c'))).toEqual({
    kind: 'none',
    detail: '/a: it is full; /b: it is full',
  });
  expect(tried).toEqual(['/a', '/b']);
});
