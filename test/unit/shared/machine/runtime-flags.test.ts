// The flags of Node have one place: who starts a relay adds none, so that every way to start one is the same.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { NODE_FLAGS, START_FLAGS } from '#shared/machine/runtime-flags.ts';
import { NODE_BINARY } from '../../../../deploy/build/node-runtime.ts';
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

/** What every program loads; then which of Node's own modules were compiled from their source. */
const COMPILED = `
for (const name of ['net', 'https', 'crypto', 'child_process', 'fs/promises']) require(name);
const { internalBinding } = require('internal/test/binding');
console.log(internalBinding('builtins').getCacheUsage().compiledWithoutCache.size);
`;

async function compiledFromSource(flags: readonly string[]): Promise<number> {
  const args = [...flags, '--no-warnings', '--expose-internals', '--eval', COMPILED];
  return Number((await promisify(execFile)(NODE_BINARY, args)).stdout);
}

test("a start takes Node's own modules from the code cache in its binary", async () => {
  const usual = await compiledFromSource([]);
  expect(await compiledFromSource(START_FLAGS)).toBe(usual);
  // Which is what this test can see: with the flags of a relay none of them is taken.
  expect(await compiledFromSource(NODE_FLAGS)).toBeGreaterThan(usual + 50);
});
