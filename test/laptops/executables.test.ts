// The programs for macOS and Windows, which nobody runs here: each is walked through, byte by byte where that says something.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { assetIdentifier, FOREIGN_SETTINGS } from '../../deploy/build/foreign-binary.ts';
import { signAdHoc } from '../../deploy/build/mach-o/ad-hoc-signature.ts';
import { readImage } from '../../deploy/build/mach-o/image.ts';
import { checkSignature } from '../../deploy/build/mach-o/signature-check.ts';
import { fetchNpmArchive, fetchNpmFile, type NpmArchive } from '../../deploy/build/npm-archive.ts';
import {
  FOREIGN_PLATFORMS,
  type ForeignPlatform,
  findMaker,
  programsFor,
} from '../../deploy/build/platform.ts';
import { BUILT_PROGRAMS, DIST, ROOT, WORKSHOP } from '../../deploy/build/source-tree.ts';
import { needsOf } from '../support/executables/mach-o-needs.ts';
import { faultsOfSignature, walkMachO } from '../support/executables/mach-o-walk.ts';
import { walkPe } from '../support/executables/pe-walk.ts';

const run = promisify(execFile);

/** Node looks for it in itself; the last digit says whether there is a program in it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';
const PROCESSORS: Readonly<Record<string, number>> = { 'darwin-arm64': 0x0100000c, 'darwin-x64': 0x01000007 };

async function originalNode({ node }: ForeignPlatform): Promise<Buffer> {
  return await readFile(await fetchNpmFile(node, node.program));
}

const files = FOREIGN_PLATFORMS.flatMap((platform) =>
  programsFor(platform).map(({ name }) => ({
    platform,
    name,
    fileName: `${name}-${platform.name}${platform.extension}`,
  })),
);

describe.for(files)('$fileName', ({ platform, name, fileName }) => {
  let file: Buffer;
  let original: Buffer;
  let bundle: Buffer;

  beforeAll(async () => {
    file = await readFile(join(DIST, 'bin', fileName));
    original = await originalNode(platform);
    bundle = await readFile(join(WORKSHOP, `${name}.cjs`));
  });

  test('is listed in SHA256SUMS, and knows that there is a program in it', async () => {
    const digest = createHash('sha256').update(file).digest('hex');
    expect(await readFile(join(DIST, 'bin/SHA256SUMS'), 'utf8')).toContain(`${digest}  ${fileName}\n`);
    expect(file.includes(`${FUSE}1`)).toBe(true);
    expect(file.includes(`${FUSE}0`)).toBe(false);
    expect(original.includes(`${FUSE}0`)).toBe(true);
  });

  test.runIf(platform.format === 'mach-o')('carries the program where Node for macOS looks for it', () => {
    expect(file.readUInt32LE(4)).toBe(PROCESSORS[platform.name]);
    const { segments, fixupSegments } = walkMachO(file);
    const blob = segments.get('NODE_SEA')?.sections.get('__NODE_SEA_BLOB');
    expect(blob?.includes(bundle)).toBe(true);
    expect([...segments.keys()].slice(-2)).toEqual(['NODE_SEA', '__LINKEDIT']);
    // macOS 27 starts no program whose table of pointers knows of fewer segments than there are.
    expect(fixupSegments).toBe(segments.size);
    const ranges = [...segments.values()].filter(({ size }) => size > 0);
    for (const [index, { offset, size, memoryOffset, memorySize }] of ranges.entries()) {
      const next = ranges[index + 1];
      if (next === undefined) continue;
      expect(offset + size).toBeLessThanOrEqual(next.offset);
      expect(memoryOffset + memorySize).toBeLessThanOrEqual(next.memoryOffset);
    }
  });

  test.runIf(platform.format === 'mach-o' && name === 'agent')(
    'carries what opens terminals, with the code that npm has, signed anew page for page',
    async () => {
      const { terminal } = platform;
      if (terminal === undefined) throw new Error(`${platform.name} has no agent`);
      const folder = await fetchNpmArchive(terminal, terminal.files);
      const blob = walkMachO(file).segments.get('NODE_SEA')?.sections.get('__NODE_SEA_BLOB');
      for (const asset of terminal.files) {
        const before = await readFile(join(folder, asset));
        const signed = signAdHoc(before, assetIdentifier(asset));
        expect(blob?.includes(signed)).toBe(true);
        expect(faultsOfSignature(signed)).toEqual([]);
        expect(signed.readUInt32LE(4)).toBe(PROCESSORS[platform.name]);
        const sections = [...walkMachO(before).segments].flatMap(([segment, { sections }]) =>
          [...sections].map(([section, content]) => ({ segment, section, content })),
        );
        const after = walkMachO(signed).segments;
        expect(sections.length).toBeGreaterThan(5);
        for (const { segment, section, content } of sections)
          expect(after.get(segment)?.sections.get(section)?.equals(content)).toBe(true);
      }
    },
  );

  test.runIf(platform.format === 'mach-o')(
    'is the code of Node as npm has it, signed anew page for page',
    () => {
      const untouched = Buffer.from(original);
      untouched.write(`${FUSE}1`, untouched.indexOf(`${FUSE}0`));
      const after = walkMachO(file).segments;
      const sections = [...walkMachO(untouched).segments].flatMap(([segment, { sections }]) =>
        [...sections].map(([section, content]) => ({ segment, section, content })),
      );
      expect(sections.length).toBeGreaterThan(10);
      const different = sections.filter(
        ({ segment, section, content }) => !after.get(segment)?.sections.get(section)?.equals(content),
      );
      expect(different.map(({ segment, section }) => `${segment},${section}`)).toEqual([]);
      expect(faultsOfSignature(file)).toEqual([]);
      expect(checkSignature(file)).toMatchObject({
        kind: 'intact',
        directory: { identifier: `converge.${name}`, isAdHoc: true },
      });
      expect(signAdHoc(file, `converge.${name}`).equals(file)).toBe(true);
      const changed = Buffer.from(file);
      changed.writeUInt8(changed.readUInt8(50_000_000) ^ 1, 50_000_000);
      expect(checkSignature(changed)).toEqual({ kind: 'page_changed', page: Math.floor(50_000_000 / 4_096) });
    },
  );

  test.runIf(platform.format === 'pe')('carries the program where Node for Windows looks for it', () => {
    const { resources } = walkPe(file);
    expect(resources.get('NODE_SEA_BLOB')?.includes(bundle)).toBe(true);
    expect(walkPe(original).resources.has('NODE_SEA_BLOB')).toBe(false);
  });

  test.runIf(platform.format === 'pe' && name === 'agent')(
    'carries what opens terminals, which finds its functions in Node and needs two libraries of every Windows',
    async () => {
      const { terminal } = platform;
      if (terminal === undefined) throw new Error(`${platform.name} has no agent`);
      const folder = await fetchNpmArchive(terminal, terminal.files);
      const addon = await readFile(join(folder, 'conpty.node'));
      const { resources, exports } = walkPe(file);
      expect(resources.get('NODE_SEA_BLOB')?.includes(addon)).toBe(true);
      const { libraries, delayedImports } = walkPe(addon);
      expect(libraries.toSorted()).toEqual(['KERNEL32.dll', 'SHLWAPI.dll']);
      expect([...delayedImports.keys()]).toEqual(['node.exe']);
      const wanted = delayedImports.get('node.exe') ?? [];
      expect(wanted).toContain('napi_create_threadsafe_function');
      expect(wanted.filter((one) => !exports.has(one))).toEqual([]);
    },
  );

  test.runIf(platform.format === 'pe')('has no signature that does not fit, and a checksum that does', () => {
    const { certificates, checksum, sum } = walkPe(file);
    expect({ certificates, checksum }).toEqual({ certificates: [0, 0], checksum: sum });
    // What Microsoft's tools wrote is read by the same eyes.
    const before = walkPe(original);
    expect(before.checksum).toBe(before.sum);
    expect(before.certificates[0] + before.certificates[1]).toBe(original.length);
  });
});

describe.for(FOREIGN_PLATFORMS.filter(({ format }) => format === 'mach-o'))('for $name', (platform) => {
  test('npm has what opens terminals, signed by its linker for Apple’s processors alone', async () => {
    const { terminal } = platform;
    const files = terminal?.files ?? [];
    expect(files).toEqual(['pty.node', 'spawn-helper']);
    for (const name of files) {
      const file = await readFile(join(await fetchNpmArchive(terminal as NpmArchive, files), name));
      if (platform.name === 'darwin-arm64')
        expect(checkSignature(file)).toMatchObject({ kind: 'intact', directory: { isAdHoc: true } });
      else expect(checkSignature(file)).toEqual({ kind: 'unsigned' });
      expect(readImage(file).kind).toBe(name === 'pty.node' ? 'addon' : 'program');
    }
  });

  test('what opens terminals finds all that it needs in Node and in every macOS that Node runs on', async () => {
    const { terminal } = platform;
    const node = needsOf(await originalNode(platform));
    expect(node.oldest).toBe(13.5);
    for (const name of terminal?.files ?? []) {
      const folder = await fetchNpmArchive(terminal as NpmArchive, terminal?.files ?? []);
      const { libraries, oldest, imports } = needsOf(await readFile(join(folder, name)));
      expect(node.libraries).toEqual(expect.arrayContaining([...libraries]));
      expect(oldest).toBeLessThanOrEqual(13.5);
      const ofNode = [...imports].filter((symbol) => symbol.startsWith('_napi_'));
      expect(ofNode.filter((symbol) => !node.exports.has(symbol))).toEqual([]);
      expect(ofNode.length > 20).toBe(name === 'pty.node');
    }
  });

  test('Node has a signature of Apple’s own tool, which is read, and fits', async () => {
    const original = await originalNode(platform);
    const check = checkSignature(original);
    expect(check).toMatchObject({ kind: 'intact', directory: { identifier: 'node', isAdHoc: false } });
    // Requirements, entitlements, and entitlements in DER.
    if (check.kind === 'intact') expect([...check.directory.partHashes.keys()]).toEqual([2, 5, 7]);
    original.writeUInt8(original.readUInt8(9_000) ^ 0x80, 9_000);
    expect(checkSignature(original)).toEqual({ kind: 'page_changed', page: 2 });
  });
});

test('what is put into them runs, in a Node of the same version for this machine', async () => {
  const maker = findMaker('a program for others');
  const node = await fetchNpmFile(maker, maker.program);
  const folder = await mkdtemp(join(tmpdir(), 'converge-foreign-'));
  try {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    for (const { name } of BUILT_PROGRAMS) {
      const [config, output] = [join(folder, 'config.json'), join(folder, name)];
      const main = join(WORKSHOP, `${name}.cjs`);
      await writeFile(config, JSON.stringify({ ...FOREIGN_SETTINGS, main, output, executable: node }));
      await run(node, ['--build-sea', config]);
      const env = { NODE_OPTIONS: '--require /nothing.js' };
      expect(await run(output, ['--version'], { env })).toEqual({ stdout: `${version}\n`, stderr: '' });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
