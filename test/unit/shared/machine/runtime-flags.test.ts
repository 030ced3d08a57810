// The flags of Node have one place: who starts a relay adds none, so that every way to start one is the same.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NODE_FLAGS } from '#shared/machine/runtime-flags.ts';
import { ROOT } from '../../../../deploy/build/source-tree.ts';

test('`npm start` starts the relay as README says, and so does the image', async () => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  expect(manifest.scripts.start).toMatch(/&& exec node dist\/relay\/main\.js --hints$/);
  const dockerfile = await readFile(join(ROOT, 'Dockerfile'), 'utf8');
  expect(dockerfile).toContain('ENTRYPOINT ["node", "dist/relay/main.js"]');
});

test.each([
  'package.json',
  'Dockerfile',
  'README.md',
  'deploy/helm/converge/templates/deployment.yaml',
  'deploy/k8s/deployment.yaml',
])('%s repeats none of them', async (path) => {
  const text = await readFile(join(ROOT, path), 'utf8');
  for (const flag of NODE_FLAGS) expect(text).not.toContain(flag.replace(/=.*/, ''));
});
