// The flags of Node are written in three places, because two of them are no programs: they must be the same.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NODE_FLAGS } from '../../deploy/build/runtime-flags.ts';
import { ROOT } from '../../deploy/build/source-tree.ts';

test('`npm start` runs the relay with the flags of the binaries', async () => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  expect(manifest.scripts.start).toContain(`node ${NODE_FLAGS.join(' ')} dist/relay/main.js`);
});

test('the image runs the relay with the flags of the binaries', async () => {
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  const words = ['node', ...NODE_FLAGS, 'dist/relay/main.js'].map((word) => JSON.stringify(word));
  expect(dockerfile).toContain(`ENTRYPOINT [${words.join(', ')}]`);
});
