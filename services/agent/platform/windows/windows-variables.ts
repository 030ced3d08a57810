// The environment of a program of Windows, where names are the same in capital letters and in small ones.
import type { Variables } from '../programs.ts';

/** As text, sorted by name as Windows wants it. Of two that have the same name there the last one holds. */
export function windowsVariables(variables: Variables): Record<string, string> {
  const byName = new Map<string, readonly [name: string, value: string]>();
  for (const [name, value] of variables) {
    const key = name.toUpperCase();
    byName.set(key, [byName.get(key)?.[0] ?? name, value.toString()]);
  }
  const sorted = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([, entry]) => entry));
}
