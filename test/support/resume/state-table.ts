// The state table in the first lines of a source file: each row is a promise that a test can keep.
import { readFileSync } from 'node:fs';

export interface StateRow {
  readonly state: string;
  readonly event: string;
  readonly next: string;
}

/** The rows of the only table in `file`. A row for several states counts once for each. */
export function stateTableOf(file: URL): StateRow[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const head = lines.findIndex((line) => /^\/\/ {3}state +event +next +action$/.test(line));
  if (head < 0) throw new Error(`${file.pathname} has no table of states`);
  const rest = lines.slice(head + 1);
  const length = rest.findIndex((line) => !line.startsWith('//   '));
  return rest.slice(0, length).flatMap((line) => {
    const [states = '', event = '', next = ''] = line.slice(5).split(/ {2,}/);
    return states.split(', ').map((state) => ({ state, event, next }));
  });
}
