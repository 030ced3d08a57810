// What a Mach-O file needs of a system and of the program that loads it, by the test's own eyes.

const LC_SYMTAB = 0x2;
const LC_LOAD_DYLIB = 0xc;
const LC_LOAD_WEAK_DYLIB = 0x8000_0018;
const LC_VERSION_MIN_MACOSX = 0x24;
const LC_BUILD_VERSION = 0x32;
const SYMBOL_BYTES = 16;
const N_STAB = 0xe0;
const N_EXTERNAL = 0x01;
/** Within the file alone. */
const N_PRIVATE = 0x10;
const N_TYPE = 0x0e;

export interface Needs {
  /** Paths of shared libraries. */
  readonly libraries: readonly string[];
  /** The oldest macOS, such as 10.7; undefined where the file does not say. */
  readonly oldest: number | undefined;
  /** Names of the linker, with `_` in front: what others have to have, and what others may use. */
  readonly imports: ReadonlySet<string>;
  readonly exports: ReadonlySet<string>;
}

export function needsOf(file: Buffer): Needs {
  const libraries: string[] = [];
  const imports = new Set<string>();
  const exports = new Set<string>();
  let oldest: number | undefined;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const [type, size] = [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
    if (type === LC_LOAD_DYLIB || type === LC_LOAD_WEAK_DYLIB)
      libraries.push(text(file, at + file.readUInt32LE(at + 8)));
    if (type === LC_VERSION_MIN_MACOSX) oldest = versionOf(file.readUInt32LE(at + 8));
    if (type === LC_BUILD_VERSION) oldest = versionOf(file.readUInt32LE(at + 12));
    if (type === LC_SYMTAB) {
      const [symbols, count, strings] = [8, 12, 16].map((place) => file.readUInt32LE(at + place));
      for (let number = 0; number < (count ?? 0); number += 1) {
        const symbol = (symbols ?? 0) + number * SYMBOL_BYTES;
        const kind = file.readUInt8(symbol + 4);
        if ((kind & (N_STAB | N_PRIVATE)) !== 0 || (kind & N_EXTERNAL) === 0) continue;
        const name = text(file, (strings ?? 0) + file.readUInt32LE(symbol));
        ((kind & N_TYPE) === 0 ? imports : exports).add(name);
      }
    }
    at += size;
  }
  return { libraries, oldest, imports, exports };
}

/** As people say it: 10.7 or 13.5. */
function versionOf(packed: number): number {
  return (packed >> 16) + ((packed >> 8) & 0xff) / 10;
}

function text(file: Buffer, at: number): string {
  return file.toString('latin1', at, file.indexOf(0, at));
}
