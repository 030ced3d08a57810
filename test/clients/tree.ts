// A tree of files as lines that can be compared: names byte by byte, kinds, modes, times to the second, sizes, hashes.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** What was made or touched by the deed itself is as old as the run; what was preserved is older than this, in seconds. */
const PRESERVED_BEFORE = 1_700_000_000;

/** One line for everything below `root`, sorted; nothing for a root that is not there. */
export async function linesOfTree(root: string): Promise<string[]> {
  const lines: string[] = [];
  await addFolder(Buffer.from(root), '', lines);
  return lines;
}

async function addFolder(folder: Buffer, shown: string, lines: string[]): Promise<void> {
  const names = await readdir(folder, { encoding: 'buffer' }).catch(() => []);
  for (const name of names.sort((one, other) => Buffer.compare(one, other))) {
    const path = Buffer.concat([folder, Buffer.from('/'), name]);
    const label = `${shown}${printable(name)}`;
    const found = await lstat(path);
    const seconds = Math.floor(found.mtimeMs / 1_000);
    const time = seconds < PRESERVED_BEFORE ? String(seconds) : 'now';
    const mode = (found.mode & 0o7777).toString(8);
    if (found.isDirectory()) {
      lines.push(`${label}/ ${mode} ${time}`);
      await addFolder(path, `${label}/`, lines);
    } else if (found.isSymbolicLink()) {
      const target = printable(await readlink(path, { encoding: 'buffer' }));
      lines.push(`${label} -> ${target}`);
    } else if (found.isFile()) {
      const links = found.nlink > 1 ? ` links ${found.nlink}` : '';
      lines.push(`${label} ${mode} ${time} ${found.size} ${await hashOf(path)}${links}`);
    } else {
      lines.push(`${label} neither file nor folder`);
    }
  }
}

/** Every byte can be told from every other, and a name is one word of one line. */
function printable(name: Buffer): string {
  return name.toString('latin1').replace(/[^!-[\]-~]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

async function hashOf(path: Buffer): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex').slice(0, 16);
}
