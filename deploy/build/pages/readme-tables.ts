// The README's tables that are derived from the code; run directly, it writes them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPTIONS, URL_VARIABLE } from '../../../services/agent/command-line/option-table.ts';
import { configTable } from '../../../services/relay/config.ts';
import { ROOT } from '../source-tree.ts';

export const README = join(ROOT, 'README.md');

const TABLES: Readonly<Record<string, () => string>> = {
  'agent options': agentOptionTable,
  'relay variables': configTable,
};

/** `text` with every table between its markers as the code has it. */
export function renderTables(text: string): string {
  return text.replace(
    /(<!-- ([a-z ]+): written by [^>]+ -->\n)[\s\S]*?(<!-- end -->)/g,
    (whole, begin: string, name: string, end: string) => {
      const table = TABLES[name];
      return table === undefined ? whole : `${begin}${table()}\n${end}`;
    },
  );
}

function agentOptionTable(): string {
  const rows = Object.values(OPTIONS).map(({ name, variable, placeholder, fallback, help }) => {
    const option =
      placeholder === undefined ? `--${name}` : `--${name} ${placeholder.replaceAll('|', '\\|')}`;
    return `| \`${option}\` | \`${variable}\` | ${fallback === undefined ? '' : `\`${fallback}\``} | ${help} |`;
  });
  const url = `| the URL | \`${URL_VARIABLE}\` | | \`ws[s]://HOST/agent[/ID]\` |`;
  return ['| option | variable | default | meaning |', '| --- | --- | --- | --- |', url, ...rows].join('\n');
}

if (import.meta.main) writeFileSync(README, renderTables(readFileSync(README, 'utf8')));
