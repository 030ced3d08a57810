// The table of metrics in deploy/README.md, held against the code.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEPLOY_README, renderMetricTable } from '../../../deploy/build/pages/metric-table.ts';

test('the table of metrics is that of the code (node deploy/build/pages/metric-table.ts writes it)', async () => {
  const text = readFileSync(DEPLOY_README, 'utf8');
  expect(text).toContain('| `converge_refusals_total` | counter |');
  expect(await renderMetricTable(text)).toBe(text);
});
