// A walk through a PE file by the test's own eyes: sections, directories, and the tree of resources.

export interface PeWalk {
  readonly checksum: number;
  /** What the content adds up to, by the same rule as Windows' own `MapFileAndCheckSum`. */
  readonly sum: number;
  /** The entry of the certificates: place and size. */
  readonly certificates: readonly [number, number];
  /** The first resource of type RT_RCDATA under each name. */
  readonly resources: ReadonlyMap<string, Buffer>;
  /** The names of what others find in it. */
  readonly exports: ReadonlySet<string>;
  /** Libraries that are loaded with it. */
  readonly libraries: readonly string[];
  /** What is looked for at the first use, by the library that has it. */
  readonly delayedImports: ReadonlyMap<string, readonly string[]>;
}

const RT_RCDATA = 10;

export function walkPe(file: Buffer): PeWalk {
  const header = file.readUInt32LE(0x3c);
  const optional = header + 24;
  const directory = (number: number): [number, number] => [
    file.readUInt32LE(optional + 112 + number * 8),
    file.readUInt32LE(optional + 116 + number * 8),
  ];
  const sections = optional + file.readUInt16LE(header + 20);
  const inFile = (address: number): number => {
    for (let number = 0; number < file.readUInt16LE(header + 6); number += 1) {
      const at = sections + number * 40;
      const start = file.readUInt32LE(at + 12);
      if (address >= start && address < start + file.readUInt32LE(at + 16))
        return file.readUInt32LE(at + 20) + address - start;
    }
    throw new Error(`nothing of the file is at ${address}`);
  };
  const textAt = (address: number): string => {
    const at = inFile(address);
    return file.toString('latin1', at, file.indexOf(0, at));
  };
  const tree = inFile(directory(2)[0]);
  const resources = new Map<string, Buffer>();
  for (const [type, names] of entriesOf(file, tree, tree)) {
    if (type !== RT_RCDATA) continue;
    for (const [name, languages] of entriesOf(file, tree, tree + (names & 0x7fff_ffff))) {
      const [, leaf = 0] = entriesOf(file, tree, tree + (languages & 0x7fff_ffff))[0] ?? [];
      const start = inFile(file.readUInt32LE(tree + leaf));
      resources.set(String(name), file.subarray(start, start + file.readUInt32LE(tree + leaf + 4)));
    }
  }
  const checksumAt = optional + 64;
  return {
    checksum: file.readUInt32LE(checksumAt),
    sum: sumOf(file, checksumAt),
    certificates: directory(4),
    resources,
    exports: exportsOf(file, directory(0)[0], inFile, textAt),
    libraries: libraryNames(file, directory(1)[0], inFile, textAt),
    delayedImports: delayedImportsOf(file, directory(13)[0], inFile, textAt),
  };
}

type Place = (address: number) => number;
type TextAt = (address: number) => string;

function exportsOf(file: Buffer, address: number, inFile: Place, textAt: TextAt): ReadonlySet<string> {
  if (address === 0) return new Set();
  const at = inFile(address);
  const names = inFile(file.readUInt32LE(at + 32));
  const count = file.readUInt32LE(at + 24);
  return new Set(Array.from({ length: count }, (_, number) => textAt(file.readUInt32LE(names + number * 4))));
}

function libraryNames(file: Buffer, address: number, inFile: Place, textAt: TextAt): readonly string[] {
  const found: string[] = [];
  for (let at = inFile(address); file.readUInt32LE(at + 12) !== 0; at += 20) {
    found.push(textAt(file.readUInt32LE(at + 12)));
  }
  return found;
}

function delayedImportsOf(file: Buffer, address: number, inFile: Place, textAt: TextAt) {
  const found = new Map<string, readonly string[]>();
  if (address === 0) return found;
  for (let at = inFile(address); file.readUInt32LE(at + 4) !== 0; at += 32) {
    const names: string[] = [];
    for (let entry = inFile(file.readUInt32LE(at + 16)); ; entry += 8) {
      const name = file.readUInt32LE(entry);
      if (name === 0) break;
      // Two bytes are a hint.
      names.push(textAt(name + 2));
    }
    found.set(textAt(file.readUInt32LE(at + 4)), names);
  }
  return found;
}

/** Name or number, and where what it stands for is; with the highest bit set, a folder. */
function entriesOf(file: Buffer, tree: number, at: number): [string | number, number][] {
  const count = file.readUInt16LE(at + 12) + file.readUInt16LE(at + 14);
  return Array.from({ length: count }, (_, number) => {
    const entry = at + 16 + number * 8;
    const name = file.readUInt32LE(entry);
    if (name < 0x8000_0000) return [name, file.readUInt32LE(entry + 4)];
    const text = tree + (name & 0x7fff_ffff);
    const length = file.readUInt16LE(text);
    return [file.toString('utf16le', text + 2, text + 2 + length * 2), file.readUInt32LE(entry + 4)];
  });
}

/** Words added with their carries brought round, the checksum's own place left out, and the length on top. */
function sumOf(file: Buffer, checksumAt: number): number {
  let sum = 0n;
  for (let at = 0; at + 1 < file.length; at += 2)
    if (at !== checksumAt && at !== checksumAt + 2) sum += BigInt(file.readUInt16LE(at));
  if (file.length % 2 === 1) sum += BigInt(file.readUInt8(file.length - 1));
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum) + file.length;
}
