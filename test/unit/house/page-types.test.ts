// What runs in a page too is compiled without Node and without a document: violations are planted, and each is refused.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { DIST, ROOT } from '../../../deploy/build/source-tree.ts';

const VIOLATIONS: Readonly<Record<string, string>> = {
  'module.ts': "import { createHash } from 'node:crypto';\nexport const planted = createHash;\n",
  'buffer.ts': 'export const planted = Buffer.alloc(1);\n',
  'buffer-method.ts':
    "import { allocateBytes } from '#shared/stream/byte-chunk.ts';\nexport const planted = allocateBytes(4).readUInt8(0);\n",
  'process.ts': 'export const planted = process.env;\n',
  'immediate.ts': 'export const planted = setImmediate;\n',
  'document.ts': 'export const planted = document.title;\n',
  'window.ts': 'export const planted = window.localStorage;\n',
  'room.ts':
    "import { fingerprintOf } from '#shared/ssh/fingerprint.ts';\nexport const planted = fingerprintOf;\n",
};
/** And what a page has is not. */
const FINE =
  'export const planted = [crypto.subtle, WebSocket, fetch, ReadableStream, setTimeout, TextEncoder];\n';

/** Where other tests look for no sources, and `#shared` is known. */
async function ignoredFolder(): Promise<string> {
  await mkdir(DIST, { recursive: true });
  return DIST;
}

test('Node, its modules and a document are refused, each where it stands', async () => {
  const folder = await mkdtemp(join(await ignoredFolder(), 'planted-'));
  try {
    for (const [name, text] of Object.entries({ ...VIOLATIONS, 'fine.ts': FINE }))
      await writeFile(join(folder, name), text);
    const config = join(folder, 'tsconfig.json');
    await writeFile(config, JSON.stringify({ extends: join(ROOT, 'tsconfig.page.json'), include: [folder] }));
    const said = await promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), [
      '--noEmit',
      '-p',
      config,
    ]).then(
      () => '',
      ({ stdout }: { readonly stdout: string }) => stdout,
    );
    const refused = Object.keys({ ...VIOLATIONS, 'fine.ts': FINE }).filter((name) =>
      name === 'room.ts' ? said.includes('shared/ssh/fingerprint.ts') : said.includes(`/${name}(`),
    );
    expect(refused).toEqual(Object.keys(VIOLATIONS));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
