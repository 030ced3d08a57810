// The platforms that the relay speaks of, held against those that the build makes.
import { expect, test } from 'vitest';
import { choosePlatforms } from '../../../deploy/build/platform.ts';
import { PLATFORM } from '../../../deploy/build/source-tree.ts';
import { KNOWN_PLATFORMS } from '../../../services/relay/http/download/platform.ts';

test('a relay knows each platform that PLATFORMS=all makes, and no other', () => {
  const built = [PLATFORM, ...choosePlatforms('all').map(({ name }) => name)];
  expect(built.sort()).toEqual([...KNOWN_PLATFORMS].sort());
});
