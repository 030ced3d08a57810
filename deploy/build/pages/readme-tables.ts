// The README's tables that are derived from the code. Run directly, this file writes them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPTIONS, URL_VARIABLE } from '../../../services/agent/command-line/option-table.ts';
import { configTable } from '../../../services/relay/config-variables.ts';
import { ROOT } from '../source-tree.ts';
import { replaceMarkedPart } from './marked-part.ts';

export const README = join(ROOT, 'README.md');

const TABLES: Readonly<Record<string, () => string>> = {
  'agent options': agentOptionTable,
  'relay variables': configTable,
};

/** `text` with every table between its markers as the code has it. */
export function renderTables(text: string): string {
  return Object.entries(TABLES).reduce(
    (page, [name, table]) => replaceMarkedPart(page, name, `${table()}\n`),
    text,
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
