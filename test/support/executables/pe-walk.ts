// A walk through a PE file by the test's own eyes: sections, directories, and the tree of resources.

export interface PeWalk {
  readonly checksum: number;
  /** What the content adds up to, by the same rule as Windows' own `MapFileAndCheckSum`. */
  readonly sum: number;
  /** The entry of the certificates: place and size. */
  readonly certificates: readonly [number, number];
  /** The first resource of type RT_RCDATA under each name. */
  readonly resources: ReadonlyMap<string, Buffer>;
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
  };
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
