// The page of limits, held against the code.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FIXED_LIMITS } from '../../../deploy/build/pages/limit-list.ts';
import { LIMITS_PAGE, renderLimitsPage } from '../../../deploy/build/pages/limits-page.ts';
import { inRanges } from '../../../services/relay/limits/client-address.ts';
import { ALL_LIMITS, MET_LIMITS } from '../../../services/relay/limits/limit-table.ts';

const text = readFileSync(LIMITS_PAGE, 'utf8');

test('the tables are those of the code (node deploy/build/pages/limits-page.ts writes them)', () => {
  expect(text).toContain(
    '| control links of one client address | 2,000 | `ADDRESS_MAX_LINKS` | `address_links` |',
  );
  expect(renderLimitsPage(text)).toBe(text);
});

test('every limit has a name, a unit, a value and a word on what happens past it', () => {
  for (const { variable, fallback, least, most, unit, what, past } of ALL_LIMITS) {
    expect(variable).toMatch(/^(ADDRESS_)?[A-Z_]+$/);
    expect(fallback).toBeGreaterThanOrEqual(least);
    expect(fallback).toBeLessThanOrEqual(most);
    for (const words of [unit, what, past]) expect(words).not.toBe('');
  }
  expect(new Set(ALL_LIMITS.map(({ variable }) => variable)).size).toBe(ALL_LIMITS.length);
  for (const { what, value, past } of Object.values(FIXED_LIMITS).flat()) {
    expect(value, what).toBeGreaterThan(0);
    expect(past).not.toBe('');
  }
});

test('a limit of one address is below that of the pod, and the page names each as the metrics do', () => {
  const valueOf = (scope: string, name: string): number | undefined =>
    ALL_LIMITS.find((limit) => limit.scope === scope && limit.name === name)?.fallback;
  for (const kind of ['links', 'waiting', 'sessions', 'downloads'])
    expect(valueOf('address', kind)).toBeLessThan(valueOf('pod', kind) ?? 0);
  for (const limit of MET_LIMITS) if (limit !== 'pod_heap') expect(text).toContain(`\`${limit}\``);
});

test('the private ranges are those that the page lists', () => {
  const [, listed = ''] = /not limited\*\* \(([^)]+)\)/.exec(text) ?? [];
  for (const range of listed.split(',').map((part) => part.trim().replaceAll('`', ''))) {
    const [address = '', prefix] = range.split('/');
    const isFour = !address.includes(':');
    const full = isFour ? [...address.split('.'), '0', '0', '0'].slice(0, 4).join('.') : address;
    expect(inRanges([prefix === undefined ? full : `${full}/${prefix}`])(full)).toBe(true);
  }
  expect(listed.split(',')).toHaveLength(9);
});
