// The tables of docs/limits.md: every limit that the code has. Run directly, this file writes them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALL_LIMITS } from '../../../services/relay/limits/limit-table.ts';
import { ROOT } from '../source-tree.ts';
import type { FixedLimit } from './fixed-limit.ts';
import { FIXED_LIMITS } from './limit-list.ts';
import { replaceMarkedPart } from './marked-part.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const LIMITS_PAGE = join(ROOT, 'docs/limits.md');

/** `text` with the tables between its markers as the code has them. */
export function renderLimitsPage(text: string): string {
  const tables = [
    section('A relay, per client address', configured('address')),
    section('A relay, the whole pod', configured('pod')),
    ...Object.entries(FIXED_LIMITS).map(([title, limits]) => section(title, fixed(limits))),
  ];
  return replaceMarkedPart(text, 'limits', `\n${tables.join('\n\n')}\n\n`);
}

function section(title: string, table: string): string {
  return `### ${title}\n\n${table}`;
}

function configured(scope: 'address' | 'pod'): string {
  const rows = ALL_LIMITS.filter((limit) => limit.scope === scope).map(
    ({ name, variable, fallback, what, past }) =>
      `| ${what} | ${fallback.toLocaleString('en')} | \`${variable}\` | ${name === 'burst' ? '' : `\`${scope}_${name}\``} | ${past} |`,
  );
  return [
    '| at most this many | default | variable | `limit` in metrics | past it |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function fixed(limits: readonly FixedLimit[]): string {
  const rows = limits.map(
    ({ what, value, unit, past }) => `| ${what} | ${formatLimit(value, unit)} | ${past} |`,
  );
  return ['| limit | value | past it |', '| --- | --- | --- |', ...rows].join('\n');
}

function formatLimit(value: number, unit: FixedLimit['unit']): string {
  switch (unit) {
    case 'count':
      return value.toLocaleString('en');
    case 's':
      return `${value} s`;
    case 'ms':
      return durationText(value);
    case 'bytes': {
      const [divisor, name] = value % 1_048_576 === 0 ? [1_048_576, 'MiB'] : [1_024, 'KiB'];
      return value % divisor === 0 ? `${value / divisor} ${name}` : `${value.toLocaleString('en')} bytes`;
    }
  }
}

/** Whole days and hours as such: nobody reads 2592000 s as a month. */
function durationText(ms: number): string {
  if (ms > DAY_MS && ms % DAY_MS === 0) return `${ms / DAY_MS} days`;
  if (ms % HOUR_MS === 0) return `${ms / HOUR_MS} h`;
  return ms % 1_000 === 0 ? `${ms / 1_000} s` : `${ms} ms`;
}

if (import.meta.main) writeFileSync(LIMITS_PAGE, renderLimitsPage(readFileSync(LIMITS_PAGE, 'utf8')));
