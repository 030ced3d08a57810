// A folder in which an agent will be held from its start on, however long that takes.
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** An older hold file than the agent is none. How long a start takes on a loaded machine, nobody knows. */
const AHEAD_MS = 120_000;

/** Makes `.hold` there, with a time that no agent is older than. The deadline is as much later. */
export async function holdFolder(folder: string): Promise<void> {
  const file = join(folder, '.hold');
  await writeFile(file, '');
  const at = (Date.now() + AHEAD_MS) / 1_000;
  await utimes(file, at, at);
}
