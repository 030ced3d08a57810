// The chart's README: its table of values is what values.yaml says about itself. Run directly, this file writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { ROOT } from '../source-tree.ts';
import { replaceMarkedPart } from './marked-part.ts';

const CHART = join(ROOT, 'deploy/helm/converge');
export const CHART_README = join(CHART, 'README.md');

const DESCRIPTION = ' -- ';

/** `text` with the table between its markers as values.yaml has it. @throws Error for a value without a `# --` line */
export function renderChartReadme(text: string): string {
  return replaceMarkedPart(text, 'values', `${valueTable()}\n`);
}

function valueTable(): string {
  const { contents } = parseDocument(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  if (!isMap(contents)) throw new Error('values.yaml is not a map');
  return ['| value | default | meaning |', '| --- | --- | --- |', ...rowsOf(contents, '')].join('\n');
}

function rowsOf(map: YAMLMap, prefix: string): string[] {
  return map.items.flatMap((pair, index) => {
    const name = `${prefix}${String(isScalar(pair.key) ? pair.key.value : pair.key)}`;
    // The comment of a map's first entry belongs to the map.
    const description = descriptionOf(pair) ?? (index === 0 ? lastDescription(map.commentBefore) : undefined);
    if (description !== undefined) return [`| \`${name}\` | ${defaultOf(pair)} | ${description} |`];
    if (isMap(pair.value) && pair.value.items.length > 0) return rowsOf(pair.value, `${name}.`);
    throw new Error(`values.yaml says nothing about ${name}: write a line "# -- …" above it`);
  });
}

function descriptionOf({ key }: Pair): string | undefined {
  return isScalar(key) ? lastDescription(key.commentBefore) : undefined;
}

function lastDescription(comment: string | null | undefined): string | undefined {
  const line = comment?.split('\n').findLast((candidate) => candidate.startsWith(DESCRIPTION));
  return line?.slice(DESCRIPTION.length).replaceAll('|', '\\|');
}

function defaultOf({ value }: Pair): string {
  const plain: unknown =
    typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
      ? value.toJSON()
      : value;
  return plain === '' ? '' : `\`${JSON.stringify(plain).replace(/^"(.*)"$/, '$1')}\``;
}

if (import.meta.main) writeFileSync(CHART_README, renderChartReadme(readFileSync(CHART_README, 'utf8')));
