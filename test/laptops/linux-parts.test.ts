// What is inside the programs for Linux and for others: all of it for one processor, and all of it in NOTICE.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FOREIGN_NODE_PARTS, nodePartsIn } from '../../deploy/build/foreign-node-parts.ts';
import { LINUX_PLATFORMS } from '../../deploy/build/linux-platform.ts';
import { fetchNpmFile } from '../../deploy/build/npm-archive.ts';
import { findMaker } from '../../deploy/build/platform.ts';
import { BUILT_PROGRAMS, DIST, ROOT } from '../../deploy/build/source-tree.ts';
import { walkPack } from '../support/executables/pack-walk.ts';

/** `e_machine` of an ELF file. */
const MACHINES: Readonly<Record<string, number>> = { 'linux-arm64': 183, 'linux-x64': 62 };
const ELF = Buffer.from('\x7fELF\x02\x01', 'latin1');
/** Of a program header: the path of a loader that the image would have to have. */
const PT_INTERP = 3;

const programs = LINUX_PLATFORMS.flatMap((platform) =>
  BUILT_PROGRAMS.map((program) => ({ platform, program, fileName: `${program.name}-${platform.name}` })),
);

describe.for(programs)('$fileName', ({ platform, program, fileName }) => {
  test('is a launcher that needs no loader, and files for its processor, which NOTICE names', async () => {
    const { launcher, files } = walkPack(await readFile(join(DIST, 'bin', fileName)));
    const addons = program.addons.map((addon) => `${addon}.node`);
    expect([...files.keys()].slice(0, 2)).toEqual([platform.loader, program.name]);
    expect([...files.keys()].filter((name) => name.endsWith('.node'))).toEqual(addons);
    const notice = await readFile(join(ROOT, 'NOTICE'), 'utf8');
    for (const [name, bytes] of [['launcher', launcher] as const, ...files]) {
      expect(bytes.subarray(0, ELF.length).equals(ELF), name).toBe(true);
      expect(bytes.readUInt16LE(18), name).toBe(MACHINES[platform.name]);
      expect(notice, name).toMatch(new RegExp(`\\b${name.replaceAll(/[.+]/g, '\\$&')}(?![\\w.])`));
    }
    const [table, size, count] = [
      launcher.readBigUInt64LE(32),
      launcher.readUInt16LE(54),
      launcher.readUInt16LE(56),
    ];
    const types = Array.from({ length: count }, (_, at) => launcher.readUInt32LE(Number(table) + at * size));
    expect(types.length).toBeGreaterThan(2);
    expect(types).not.toContain(PT_INTERP);
  });
});

test('NOTICE names the parts of the Node for macOS and Windows as that Node does', async () => {
  const license = await fetchNpmFile(findMaker('that Node'), 'LICENSE');
  expect(FOREIGN_NODE_PARTS).toEqual(nodePartsIn(await readFile(license, 'utf8')));
});
